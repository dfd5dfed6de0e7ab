import { ReleaseError } from './error.ts'

/** Where a release runs. Names are those of npm's `os` and `cpu`. */
export type Platform = 'linux-x64' | 'linux-arm64'

/** A build that differs from the plain one of its platform. */
export type Variant = 'jetson'

/** What is built. */
export interface Target {
  readonly platform: Platform
  readonly variant?: Variant
}

/** What the tools of others call a platform. */
export interface PlatformNames {
  /** `process.arch`. */
  readonly arch: 'x64' | 'arm64'
  /** Debian's name. */
  readonly debian: 'amd64' | 'arm64'
  /** `e_machine` of the ELF header (System V ABI; x86-64 psABI 62, AAELF64 183). */
  readonly machine: 62 | 183
  /** What compilers and binutils begin with, where the platform is not the builder's own. */
  readonly triplet: string
}

const NAMES: Readonly<Record<Platform, PlatformNames>> = {
  'linux-x64': { arch: 'x64', debian: 'amd64', machine: 62, triplet: 'x86_64-linux-gnu' },
  'linux-arm64': { arch: 'arm64', debian: 'arm64', machine: 183, triplet: 'aarch64-linux-gnu' },
}

/** What the tools of others call `platform`. */
export function namesOf(platform: Platform): PlatformNames {
  return NAMES[platform]
}

/** The words that `--platform` knows; `linux-arm64-jetson` is a variant. */
export const TARGETS: Readonly<Record<string, Target>> = {
  'linux-x64': { platform: 'linux-x64' },
  'linux-arm64': { platform: 'linux-arm64' },
  'linux-arm64-jetson': { platform: 'linux-arm64', variant: 'jetson' },
}

/** @throws ReleaseError where nothing is called so */
export function targetNamed(name: string): Target {
  const target = TARGETS[name]
  if (target === undefined) {
    throw new ReleaseError(`--platform: ${name}; expected one of ${Object.keys(TARGETS).join(', ')}`)
  }
  return target
}

/** The name of a target, as `targetNamed` takes it. */
export function targetName({ platform, variant }: Target): string {
  return variant === undefined ? platform : `${platform}-${variant}`
}

/**
 * What a Jetson's image must bring for its GPU. The bundled library computes on the CPU and stays in the release: where
 * the JetPack build of the library is not found, the line runs all the same.
 */
export const JETPACK = {
  /** JetPack 6 is Ubuntu 22.04 with CUDA 12; 5 (Ubuntu 20.04) has a C library that is too old for the release. */
  jetpack: '6',
  /** The name that the dynamic loader looks for. */
  library: 'libonnxruntime.so.1',
  /** Looked in before the bundled one. */
  folder: '/usr/local/lib/poincon-jetpack',
} as const
