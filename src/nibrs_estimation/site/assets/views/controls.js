/** The controls that views share, and the places, columns and rows that they choose. */

/** @import {Context} from '../app.js' */

import { ALL_PERSONS } from '../data.js'
import { checkbox, h, picker, radios, select } from '../dom.js'
import { Problem } from '../problem.js'

const LEVELS = {
  nation: 'Nation', region: 'Region', division: 'Division', state: 'State', msa: 'Metropolitan area',
  judicial_district: 'Judicial district', field_office: 'FBI field office', tribal: 'Tribal agencies',
  university: 'University agencies',
}

/** @param {import('../data.js').Place} place */
export function describe(place) {
  const level = (LEVELS[place.level] ?? place.level).toLowerCase()
  return place.group === null ? level : `a part of the ${level}: ${place.group}`
}

/** @param {Context} context */
export function runControl({ site, state, go }) {
  return select('Run', site.runs.map((run) => ({ value: run.run, text: `${run.year} · ${run.run}${run.is_synthetic ? ' (synthetic)' : ''}` })),
    state.run, (run) => go({ run }))
}

/** @param {any} run */
export function placeOptions(run) {
  return run.places.map((place) => ({
    value: String(place.number), text: place.name,
    also: [place.code, place.fips && `fips:${place.fips}`, `geography:${place.number}`].filter(Boolean),
  }))
}

/** @param {any} run @param {string} text */
export function whyNoPlace(run, text) {
  const word = text.toLowerCase()
  const out = run.left_out.find((place) => [place.name, place.code].some((name) => name?.toLowerCase() === word))
  return out ? `${out.name} is not estimated in run ${run.run}: ${out.why}.`
    : `Run ${run.run} has no place “${text}”. Write the name of a state, region, metropolitan area or district, or a postal code.`
}

/** @param {Context} context */
export function placesControl({ run, places, go }) {
  return picker('Places', placeOptions(run), places.map((place) => String(place.number)),
    (values) => go({ places: values.map(Number) }), (text) => whyNoPlace(run, text))
}

/** @param {Context} context */
export function tableControl({ site, state, run, go }) {
  const options = site.tables.filter((one) => run.tables.includes(one.table) || one.table === state.table)
  return select('Table', options.map((one) => ({ value: one.table, text: `${one.table} · ${one.title}` })), state.table,
    // Rows and columns are numbers of a table.
    (table) => go({ table, columns: [], rows: [], sort: '', group: '', ...(['columns', 'rows'].includes(state.by) && { first: '', second: '' }) }))
}

/** @param {Context} context */
export function columnsControl({ table, state, go }) {
  const options = table.columns.map((column) => ({ value: String(column.column), text: column.label, also: [column.name, String(column.column)] }))
  const all = state.columns.length === table.columns.length
  return h('div', { class: 'control' }, picker('Columns', options, state.columns.map(String),
    (values) => go({ columns: values.map(Number), sort: '' }),
    (text) => `Table ${table.table} has no column “${text}”. Definitions lists its columns.`),
  h('button', { type: 'button', id: 'all-columns', click: () => go({ columns: all ? [] : table.columns.map((one) => one.column), sort: '' }) },
    all ? 'Main columns' : `All ${table.columns.length} columns`))
}

/** One column, for views that show one. @param {Context} context */
export function columnControl({ table, state, go }) {
  return select('Column', table.columns.map((column) => ({ value: String(column.column), text: column.label })), String(state.columns[0]),
    (column) => go({ columns: [Number(column)] }))
}

/** @param {Context} context */
export function groupControl({ run, table, state, go }) {
  const known = run.series[table.table]
  if (!known) return null
  return select('Persons', [{ value: ALL_PERSONS, text: 'All persons' }, ...known.map((one) => ({ value: String(one.number), text: one.label }))],
    state.group, (group) => go({ group }))
}

/** Blocks of rows under one heading. @param {import('../data.js').Table} table */
export function blocksOf(table) {
  const blocks = []
  for (const row of table.rows) {
    const last = blocks[blocks.length - 1]
    if (last && row.heading !== null && last.heading === row.heading && last.section === row.section) last.rows.push(row)
    else blocks.push({ heading: row.heading, section: row.section, label: row.heading ?? row.label, rows: [row] })
  }
  return blocks
}

/** @param {Context} context @param {string} [unset] what is shown if no row is chosen */
export function rowsControl({ table, state, go }, unset = `All ${table.rows.length} rows`) {
  const blocks = blocksOf(table)
  const key = (rows) => rows.map((row) => row.row ?? row).join(',')
  const options = [{ value: '', text: unset },
    ...blocks.map((block) => ({ value: key(block.rows), text: block.label }))]
  const chosen = state.rows.join(',')
  if (chosen && !options.some((option) => option.value === chosen)) {
    options.push({ value: chosen, text: state.rows.length === 1 ? rowOf(table, state.rows[0]).full : `${state.rows.length} rows` })
  }
  return select('Rows', options, chosen, (value) => go({ rows: value ? value.split(',').map(Number) : [] }))
}

/** One row, for views that show one. @param {Context} context @param {import('../data.js').Row} [row] */
export function rowControl({ table, state, go }, row) {
  return select('Row', table.rows.filter((one) => typeOf(one, state.show)).map((one) => ({ value: String(one.row), text: one.full })), String(row?.row),
    (number) => go({ rows: [Number(number)] }))
}

/** @param {Context} context @param {{known?: boolean}} [options] */
export function showControl({ table, state, go }, { known = false } = {}) {
  const names = { count: 'Count', percentage: 'Percent', known: 'Percent of known', rate: 'Rate per 100,000' }
  const has = (name) => Boolean(table.n_rows[name === 'known' ? 'percentage' : name])
  const options = Object.entries(names).filter(([name]) => has(name) && (known || name !== 'known'))
  return radios('Show', options.map(([value, text]) => ({ value, text })), state.show, (show) => go({ show, sort: '' }))
}

/** @param {Context} context */
export function detailsControl({ state, go }) {
  return checkbox('Standard errors and agencies', state.details, (details) => go({ details }))
}

/** One row by its number. @param {import('../data.js').Table} table @param {number} number */
export function rowOf(table, number) {
  const row = table.rows.find((one) => one.row === number)
  if (!row) throw new Problem(`Table ${table.table} has no row ${number}.`)
  return row
}

/**
 * The type of estimate of a row for what is asked: the count of a row that has only rates is its rate.
 * @param {import('../data.js').Row} row @param {string} show
 * @returns {import('../data.js').Estimate | null}
 */
export function typeOf(row, show) {
  if (show === 'count') return 'count' in row.at ? 'count' : 'rate' in row.at ? 'rate' : null
  const type = show === 'known' ? 'percentage' : show
  return type in row.at ? /** @type {any} */ (type) : null
}

/** Name of the group of persons; "" for all. @param {any} run @param {import('../data.js').Table} table @param {string} group */
export function groupName(run, table, group) {
  if (group === ALL_PERSONS) return ''
  const found = run.series[table.table]?.find((one) => String(one.number) === group)
  if (!found) throw new Problem(`This site has no group of persons ${group} for table ${table.table}. Sites hold groups of persons if they are published with --series.`)
  return found.label
}
