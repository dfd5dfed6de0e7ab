/** Chance of `least` heads or more in `tosses` of a fair coin: the sign test's (Dixon and Mood, JASA 1946), one-sided. */
export function chanceOf(least: number, tosses: number): number {
  // Logarithms: of a thousand tosses the number of ways is beyond what a double holds, and the chance of one below it.
  let log = -tosses * Math.LN2
  let total = 0
  for (let heads = 0; heads <= tosses; heads++) {
    if (heads >= least) total += Math.exp(log)
    log += Math.log((tosses - heads) / (heads + 1))
  }
  return Math.min(1, total)
}
