/** What can compute a network, the fastest first: NVIDIA's TensorRT and CUDA, any GPU through WebGPU, the processor. */
export const PROVIDERS = ['tensorrt', 'cuda', 'webgpu', 'cpu'] as const
export type Provider = (typeof PROVIDERS)[number]
