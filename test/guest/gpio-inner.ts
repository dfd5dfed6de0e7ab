// Runs in the guest; gpio.test.ts starts it.
import { runCases } from './cases.ts'
import { gpioCases } from './gpio-cases.ts'

await runCases(gpioCases())
