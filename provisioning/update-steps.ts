/**
 * Runs one effect on the world under a name: a file written, a pointer swapped, a request sent. The one seam at which
 * tests cut the power or fill the disk, before and after each.
 */
export type Step = <T>(name: string, effect: () => Promise<T>) => Promise<T>

/** As it is outside tests. */
export const plainStep: Step = (_name, effect) => effect()
