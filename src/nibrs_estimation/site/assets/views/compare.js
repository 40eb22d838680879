/**
 * Two numbers beside each other. Differences that `nibrs compare` computed in advance have exact intervals; for any other
 * pair the standard error of the difference is at most the sum of both standard errors.
 */

/** @import {Context} from '../app.js' */

import { readCells, readDifferences, readRun } from '../data.js'
import { findOption, h, idOf, radios, select } from '../dom.js'
import { estimate, interval, Marks, number, UNITS } from '../format.js'
import { Problem } from '../problem.js'
import { groupControl, groupName, placeOptions, placesControl, rowControl, runControl, showControl, tableControl, columnsControl, typeOf, whyNoPlace } from './controls.js'
import { legend } from './table.js'

const QUANTILE = 1.96
/** Relative standard errors are published with three digits after the point; half a digit more is on the safe side. */
const HALF_DIGIT = 0.0005
const BY = { places: 'Two places', columns: 'Two columns', rows: 'Two rows', groups: 'Two groups of persons', years: 'Two years' }
const OPTION = { count: '', rate: ' --rate', percentage: ' --percentage' }

/** @param {Context} context */
export async function render(context) {
  const { run, table, state, site, go } = context
  const by = state.by || 'places'
  if (!Object.hasOwn(BY, by)) throw new Problem(`There is no comparison by ${by}. Choose one of: ${Object.keys(BY).join(', ')}.`)
  const options = await optionsOf(context, by)
  // Places that were chosen in another view come first.
  const chosen = by === 'places' ? state.asked.places.map(String) : []
  const first = state.first || chosen[0] || options[0]?.value || ''
  const second = state.second || chosen.find((value) => value !== first) || options.find((option) => option.value !== first)?.value || ''
  const possible = Object.entries(BY).filter(([name]) => (name !== 'groups' || run.series[table.table]) && (name !== 'years' || site.runs.length > 1))
  const controls = h('form', { class: 'controls', 'aria-label': 'What is compared', submit: (event) => event.preventDefault() },
    select('Compare', possible.map(([value, text]) => ({ value, text })), by, (value) => go({ by: value, first: '', second: '' })),
    side('First', options, first, (value) => go({ by, first: value, second }), run, by),
    side('Second', options, second, (value) => go({ by, first, second: value }), run, by),
    tableControl(context), by !== 'places' && placesControl(context), by !== 'columns' && columnsControl(context),
    by !== 'rows' && rowControl(context, rowOf(context)), by !== 'groups' && groupControl(context), showControl(context), by !== 'years' && runControl(context))
  const head = [h('h2', {}, 'Is one number higher than the other?'), controls]
  if (!first || !second) return [...head, h('p', { class: 'problem' }, 'There is only one to choose: nothing can be compared with it.')]
  if (first === second) return [...head, h('p', { class: 'problem' }, 'Both are the same. Choose another one as the second.')]
  const sides = await Promise.all([first, second].map((value) => sideOf(context, by, value)))
  const lines = await Promise.all(pairsOf(context, by, sides).map((pair) => compared(context, by, pair)))
  const marks = new Marks(run)
  return [...head,
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Differences' }, h('table', { class: 'numbers' },
      h('caption', {}, `${sides[0].name} and ${sides[1].name}${by === 'years' ? '' : `, ${run.year}`}`),
      h('thead', {}, h('tr', {}, h('td', {}), [sides[0].name, sides[1].name, 'Difference', '95 % interval', 'Clear?', 'How'].map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', {}, lines.map((line) => shownLine(line, marks))))),
    h('section', { class: 'notes' },
      lines.some((line) => line.kind === 'exact') && h('p', {}, 'Exact: computed in advance by nibrs compare, from the agencies of both. 95 of 100 intervals hold the difference that would be found if all agencies had reported.'),
      lines.some((line) => line.kind === 'cautious') && h('p', {}, 'Cautious: what the errors of both numbers have in common is not in this site, so the standard error of the difference is taken as the sum SE₁ + SE₂ of both, which it never exceeds. If the difference is clear even so, it is clear. If not, the exact interval, which is mostly much shorter, may still show that it is: this command computes it.'),
      [...new Set(lines.map((line) => line.command))].map((command) => h('p', {}, h('code', { class: 'command' }, command))),
      h('p', {}, run.own_weights)),
    legend(context, marks, false),
  ]
}

/** A choice of one side: places by name, all others in a list. */
function side(label, options, chosen, choose, run, by) {
  if (by !== 'places') return select(label, options, chosen, choose)
  const id = idOf(label)
  const said = h('span', { class: 'said', role: 'status' })
  const change = (event) => {
    const found = findOption(placeOptions(run), event.target.value)
    if (found) choose(found.value)
    else said.textContent = whyNoPlace(run, event.target.value)
  }
  return h('div', { class: 'control' }, h('label', { for: id }, label),
    h('input', { id, list: `${id}-list`, autocomplete: 'off', value: options.find((option) => option.value === chosen)?.text ?? '', change }),
    h('datalist', { id: `${id}-list` }, options.map((option) => h('option', { value: option.text }))), said)
}

/** @param {Context} context */
async function optionsOf({ run, table, state, site }, by) {
  if (by === 'places') return placeOptions(run).sort((one, other) => rank(run, one) - rank(run, other))
  if (by === 'columns') return table.columns.map((column) => ({ value: String(column.column), text: column.label }))
  // The count of a row that has only rates is a rate, which is not compared with counts.
  if (by === 'rows') return table.rows.filter((row) => typeOf(row, state.show) === state.show).map((row) => ({ value: String(row.row), text: row.full }))
  if (by === 'groups') return (run.series[table.table] ?? []).map((one) => ({ value: String(one.number), text: one.label }))
  return [...site.runs].sort((one, other) => other.year - one.year).map((one) => ({ value: one.run, text: `${one.year} · ${one.run}` }))
}

/** States first, then all others in the order of the run. */
function rank(run, option) {
  const place = run.places.find((one) => String(one.number) === option.value)
  return place.level === 'state' && place.group === null ? 0 : 1
}

/** @param {Context} context */
async function sideOf({ run, table, state, places }, by, value) {
  const one = { run, place: places[0], column: null, row: null, group: state.group, name: '' }
  if (by === 'places') {
    const place = run.places.find((other) => String(other.number) === value)
    if (!place) throw new Problem(whyNoPlace(run, value))
    return { ...one, place, name: place.name }
  }
  if (by === 'columns') {
    const column = table.columns[Number(value) - 1]
    if (!column) throw new Problem(`Table ${table.table} has no column ${value}.`)
    return { ...one, column, name: column.label }
  }
  if (by === 'rows') {
    const row = table.rows.find((other) => String(other.row) === value)
    if (!row) throw new Problem(`Table ${table.table} has no row ${value}.`)
    return { ...one, row, name: row.full }
  }
  if (by === 'groups') return { ...one, group: value, name: groupName(run, table, value) }
  const other = await readRun(value)
  const place = other.places.find((found) => found.number === places[0].number)
  if (!place) throw new Problem(`Run ${value} has no estimates of ${places[0].name}, so its years cannot be compared.`)
  return { ...one, run: other, place, name: `${other.year} (${value})` }
}

/** The row that is compared, unless rows are. @param {Context} context */
function rowOf({ table, state }) {
  return table.rows.find((row) => row.row === state.rows[0] && typeOf(row, state.show)) ?? table.rows.find((row) => typeOf(row, state.show) === state.show) ?? table.rows[0]
}

/** What is compared: both sides for each of the chosen columns. @param {Context} context */
function pairsOf(context, by, sides) {
  const { table, state } = context
  const row = rowOf(context)
  const columns = by === 'columns' ? [null] : state.columns.map((number) => table.columns[number - 1])
  return columns.map((column) => {
    const pair = sides.map((one) => ({ ...one, column: one.column ?? column, row: one.row ?? row }))
    const [{ column: of, row: rowOf }] = pair
    return { sides: pair, label: by === 'columns' ? rowOf.full : by === 'rows' ? of.label : `${of.label} · ${rowOf.full}` }
  })
}

/** @param {Context} context */
async function compared(context, by, { sides, label }) {
  const { site, table, state } = context
  const types = sides.map((one) => typeOf(one.row, state.show))
  if (types[0] === null || types[0] !== types[1]) throw new Problem(`Both rows need the same kind of number: choose rows that have a ${state.show}.`)
  const cells = await Promise.all(sides.map(async (one) => (await readCells(one.run, table, one.group, one.place, one.column.column, types[0]))(one.row)))
  const command = commandOf(table, by, sides, types[0])
  const base = { label, cells, type: types[0], command, kind: 'cautious', difference: null, lower: null, upper: null, why: '' }
  if (cells.some((cell) => cell.estimate === null)) return { ...base, kind: 'none', why: 'a number is suppressed or not known' }
  const exact = await exactOf(site, table, by, sides, types[0])
  if (exact) return { ...base, ...exact, kind: 'exact' }
  const difference = cells[0].estimate - cells[1].estimate
  const errors = cells.map(standardError)
  if (errors.includes(null)) return { ...base, difference, kind: 'none', why: 'the standard error of a number is not known' }
  const margin = QUANTILE * (errors[0] + errors[1])
  return { ...base, difference, lower: difference - margin, upper: difference + margin }
}

/** The largest standard error that the published digits allow; null if it is not known. @param {import('../data.js').Cell} cell */
function standardError(cell) {
  if (cell.note.inferred) return null
  if (cell.note.exact) return 0
  if (cell.error !== null && cell.estimate > 0) return (cell.error + HALF_DIGIT) * cell.estimate
  if (cell.upper === null || cell.lower === null) return null
  const digit = cell.type === 'rate' ? 0.01 : 0.1
  return (Math.max(cell.upper - cell.estimate, cell.estimate - cell.lower) + digit) / QUANTILE
}

/** A difference that was computed in advance, or null. */
async function exactOf(site, table, by, sides, type) {
  const [one, other] = sides
  const described = site.differences.find((each) => each.by === by && each.type === type && each.runs.every((run, at) => [one.run.run, other.run.run].sort().includes(run)) && each.runs.length === (by === 'years' ? 2 : 1))
  if (!described || one.group !== '0') return null
  const group = described.cells.findIndex((cell) => cell.table === table.table && cell.row === one.row.row && cell.column === one.column.column)
  if (group < 0 || one.row.row !== other.row.row) return null
  const key = by === 'years' ? [one.place.number, other.place.number] : [one.place.number, other.place.number]
  const rows = await readDifferences(described, group)
  for (const row of rows) {
    const isSame = Number(row.first) === key[0] && Number(row.second) === key[1]
    const isTurned = Number(row.first) === key[1] && Number(row.second) === key[0]
    const turned = by === 'years' ? one.run.run !== described.runs[0] : !isSame
    if (!(isSame || isTurned) || row.difference === null) continue
    const sign = turned ? -1 : 1
    const ends = row.lower === null ? [null, null] : [sign * row.lower, sign * row.upper].sort((a, b) => a - b)
    return { difference: sign * row.difference, lower: ends[0], upper: ends[1] }
  }
  return null
}

function commandOf(table, by, sides, type) {
  const [one, other] = sides
  const places = by === 'places' ? [one, other] : [one]
  const words = [
    `nibrs compare ${table.table}`,
    ...places.map((side) => `--geography geography:${side.place.number}`),
    ...(by === 'columns' ? [one, other] : [one]).map((side) => `--column ${side.column.column}`),
    ...(by === 'rows' ? [one, other] : [one]).map((side) => `--row ${side.row.row}`),
    ...(by === 'groups' ? [one, other] : one.group === '0' ? [] : [one]).map((side) => `--series ${side.group}`),
    ...(by === 'years' ? [one, other] : [one]).map((side) => `--run ${side.run.run}`),
  ]
  return words.join(' ') + OPTION[type]
}

function shownLine(line, marks) {
  const shown = (value) => (value === null ? '' : signed(value, line.type))
  const clear = line.lower === null ? 'not known' : line.lower > 0 ? 'yes: higher' : line.upper < 0 ? 'yes: lower' : line.lower === 0 && line.upper === 0 ? 'yes: equal' : line.kind === 'exact' ? 'no' : 'not by the cautious bound'
  return h('tr', { 'data-kind': line.kind }, h('th', { scope: 'row' }, line.label),
    line.cells.map((cell) => {
      const mark = marks.of(cell)
      return h('td', { title: mark.means || null }, h('span', { class: 'value' }, estimate(cell)), mark.text && h('sup', {}, mark.text),
        mark.means && h('span', { class: 'hidden' }, ` (${mark.means})`), h('span', { class: 'interval' }, interval(cell)))
    }),
    h('td', {}, shown(line.difference)), h('td', {}, line.lower === null ? line.why : `${shown(line.lower)} to ${shown(line.upper)}`),
    h('td', {}, line.why ? '' : clear), h('td', {}, { exact: 'exact', cautious: 'cautious', none: '' }[line.kind]))
}

function signed(value, type) {
  const digits = type === 'count' ? (Math.abs(value) >= 10 || Number.isInteger(value) ? 0 : 1) : type === 'percentage' ? 1 : Math.abs(value) >= 10 ? 1 : 2
  return `${value > 0 ? '+' : value < 0 ? '−' : ''}${number(Math.abs(value), digits)}`
}
