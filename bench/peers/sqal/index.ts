/** Lets `node dist/bench/peers/sqal` find the command. */
import './main.ts'
