/** Numbers as `nibrs tables show` prints them: digits, intervals, marks of cautions and suppression. */

/** @import {Cell, Estimate} from './data.js' */

export const UNITS = { count: 'Count', percentage: 'Percent', rate: 'Rate per 100,000' }
const SUPPRESSED = '×'
const LEAST = { count: 0, percentage: 1, rate: 1 }

/**
 * @param {number} value
 * @param {number} digits
 */
export function number(value, digits = 0) {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** @param {number} value share from 0 to 1 */
export function percent(value, digits = 1) {
  return `${number(value * 100, digits)}%`
}

/**
 * The digits of a number and its interval: the files have as many as are shown.
 * @param {Cell} cell
 */
export function digitsOf(cell) {
  const values = [cell.estimate, cell.lower, cell.upper].filter((value) => value !== null)
  const needed = values.map((value) => (Number.isInteger(value) ? 0 : Number.isInteger(Math.round(value * 100) / 10) ? 1 : 2))
  return Math.max(LEAST[cell.type], ...needed)
}

/**
 * The estimate as text: a number, "–" if it is never estimated, "×" if suppressed, "n/a" if it is not known.
 * @param {Cell} cell
 * @param {{known?: boolean}} [options]
 */
export function estimate(cell, { known = false } = {}) {
  if (cell.note.blank) return '–'
  if (cell.estimate === null) return cell.note.suppressed ? SUPPRESSED : 'n/a'
  if (known) return cell.known === null ? '' : number(cell.known, 1)
  return number(cell.estimate, digitsOf(cell))
}

/**
 * The interval as text, or why there is none; "" if there is nothing to say.
 * @param {Cell} cell
 */
export function interval(cell) {
  if (cell.estimate === null) return ''
  if (cell.note.inferred) return cell.estimate ? 'inferred' : ''
  if (cell.note.exact) return cell.estimate ? 'not sampled' : ''
  if (cell.lower === null && cell.upper === null) return cell.estimate ? '?' : ''
  const digits = digitsOf(cell)
  return [cell.lower, cell.upper].map((end) => (end === null ? '?' : number(end, digits))).join(' – ')
}

/**
 * The relative standard error.
 * @param {Cell} cell
 */
export function relativeError(cell) {
  return cell.error ? percent(cell.error) : ''
}

/**
 * The agencies behind a number.
 * @param {Cell} cell
 */
export function agencies(cell) {
  if (cell.estimate === null) return ''
  return cell.agencies === null ? '?' : number(cell.agencies)
}

/** The notes of the cells of a view: marks, and what they mean. */
export class Marks {
  /** @param {any} run */
  constructor(run) {
    this.run = run
    /** @type {string[]} */
    this.suppressions = []
    /** @type {string[]} */
    this.reasons = []
    /** @type {Set<string>} */
    this.cautions = new Set()
    this.hasBlank = this.hasInferred = this.hasExact = this.hasInterval = false
  }

  /**
   * The marks of a cell and what they mean; both "" if there is nothing to say.
   * @param {Cell} cell
   * @returns {{text: string, means: string}}
   */
  of(cell) {
    const { note } = cell
    const said = []
    let text = ''
    if (note.blank) {
      this.hasBlank = true
      return { text: '', means: this.run.never }
    }
    if (note.suppressed) {
      text += numbered(this.suppressions, note.suppressed, cell.estimate === null ? '' : SUPPRESSED)
      said.push(`suppressed: ${note.suppressed}`)
    } else if (note.missing) {
      text += numbered(this.reasons, note.missing, '')
      said.push(note.missing)
    }
    if (cell.estimate !== null) {
      for (const code of (note.caution ?? '').split(';').filter(Boolean)) {
        this.cautions.add(code)
        text += this.run.cautions[code].mark
        said.push(`caution: ${this.run.cautions[code].words}`)
      }
      this.hasInferred ||= Boolean(note.inferred && cell.estimate)
      this.hasExact ||= Boolean(note.exact && cell.estimate)
      this.hasInterval ||= interval(cell).includes(' – ')
    }
    return { text, means: said.join('; ') }
  }

  /** Mark and meaning of everything that was marked. */
  legend() {
    const lines = []
    for (const [code, rule] of Object.entries(this.run.cautions)) {
      if (this.cautions.has(code)) lines.push([rule.mark, `caution: ${rule.words}`])
    }
    if (this.hasBlank) lines.push(['–', this.run.never])
    this.suppressions.forEach((reason, at) => lines.push([`${SUPPRESSED}${at + 1}`, `suppressed: ${reason}`]))
    this.reasons.forEach((reason, at) => lines.push([`n/a${at + 1}`, reason]))
    if (this.hasInferred) lines.push(['inferred', this.run.inferred])
    if (this.hasExact) lines.push(['not sampled', this.run.exact])
    return lines
  }
}

/** @param {string[]} known @param {string} reason @param {string} sign */
function numbered(known, reason, sign) {
  if (!known.includes(reason)) known.push(reason)
  return `${sign}${known.indexOf(reason) + 1}`
}
