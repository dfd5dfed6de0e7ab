// Computes a network with the runtime that devices have: numbers in on stdin, numbers out on stdout, 32-bit little-endian floats.
//
//     node run-onnx.mjs MODEL 7,1,64,64 < input > output
import { readFileSync, writeFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const [model = '', shape = ''] = process.argv.slice(2)
const bytes = readFileSync(0)
const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
const session = await InferenceSession.create(readFileSync(model))
const [input = ''] = session.inputNames
const [output = ''] = session.outputNames
const answer = await session.run({ [input]: new Tensor('float32', data, shape.split(',').map(Number)) })
const found = answer[output]?.data
if (!(found instanceof Float32Array)) throw new TypeError(`${model}: ${output}: expected 32-bit floats`)
writeFileSync(1, new Uint8Array(found.buffer, found.byteOffset, found.byteLength))
