import { TREATMENTS, type Treatment } from '../lens.ts'

/**
 * The words that suppliers use, in names and in material cells. Whole words, so that `Polarisant` is not polycarbonate
 * and `Transfer` is not photochromic. Drivewear is both polarised and photochromic (Younger Optics); XTRActive, GenS,
 * GEN8 and Sensity are photochromic families (Transitions Optical, Hoya).
 */
const WORDS: Readonly<Record<Treatment, RegExp>> = {
  uv: /\b(?:B-)?UV|\bEye Protect\b|\bLights Protection\b|\bT4[02]0\b/i,
  blue: /\b(?:X|UV)?Blue|\bBluV|\bN-SuperClear\b/i,
  photochromic:
    /\bTrans(?:itions?)?\b|\bPhoto|\bPHO\b|\bFoto(?:color|lux)\b|\bSens(?:ity\b|\.)|\bXtractive|\bGen ?S\b|\bGEN ?8\b|\bDrivewear\b|\bDRW\b|\bDay-Night\b/i,
  polarised: /\b(?:Nu)?Pola(?:r\w*)?\b|\bDrivewear\b|\bDRW\b/i,
  tinted: /\bCouleur\b|\bCat\.\s?\d|\bD[ée]grad[ée](?!\p{L})/iu,
}

/** The treatments that a text names, each once, in the order of `TREATMENTS`. */
export function treatmentsIn(text: string): readonly Treatment[] {
  return TREATMENTS.filter((treatment) => WORDS[treatment].test(text))
}
