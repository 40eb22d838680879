/** Any table: rows of it for some columns, side by side for several places. */

/** @import {Context} from '../app.js' */

import { readCells } from '../data.js'
import { h } from '../dom.js'
import { downloads } from '../download.js'
import { agencies, estimate, interval, Marks, relativeError, UNITS } from '../format.js'
import { Problem } from '../problem.js'
import { columnsControl, describe, detailsControl, groupControl, groupName, placesControl, rowsControl, runControl, showControl, tableControl, typeOf } from './controls.js'

const MOST_PLACES = 12

/** @param {Context} context */
export async function render(context) {
  const { run, table, state, places } = context
  if (places.length > MOST_PLACES) {
    throw new Problem(`${places.length} places are too many side by side (at most ${MOST_PLACES}). Remove some, or use the map or the chart.`)
  }
  const group = groupName(run, table, state.group)
  const rows = table.rows.filter((row) => (!state.rows.length || state.rows.includes(row.row)) && typeOf(row, state.show))
  const entries = state.columns.flatMap((column) => places.map((place) => ({ column: table.columns[column - 1], place })))
  const read = await Promise.all(entries.map((entry) => cellsOf(context, entry)))
  const cells = rows.map((row) => read.map((of) => of(row)))
  const marks = new Marks(run)
  const title = `${table.table}  ${table.title}`
  return [
    h('h2', {}, title),
    h('form', { class: 'controls', 'aria-label': 'What is shown', submit: (event) => event.preventDefault() },
      tableControl(context), placesControl(context), columnsControl(context), rowsControl(context), groupControl(context),
      showControl(context, { known: true }), detailsControl(context), runControl(context)),
    h('p', {}, table.counts, ' ', h('a', { href: context.link({ view: 'definitions', table: table.table }) }, 'Definitions')),
    group && h('p', { class: 'group' }, `Only for this group: ${group}`),
    h('p', { class: 'places' }, places.map((place) => `${place.name} (${describe(place)})`).join(' · ')),
    rows.length ? grid(context, rows, entries, cells, marks)
      : h('p', { class: 'problem' }, `No row of this choice has a ${UNITS[state.show]?.toLowerCase() ?? 'number'}. Choose all rows, or another kind of number.`),
    legend(context, marks, places.length > 1),
    downloads(() => ({ title: `${table.table} ${table.title}`, rows: flat(context, rows, entries, cells, group) }), `nibrs-${run.run}-${table.table}`),
  ]
}

/** @param {Context} context */
async function cellsOf({ run, table, state }, { column, place }) {
  const types = [...new Set(table.rows.map((row) => typeOf(row, state.show)).filter(Boolean))]
  const found = Object.fromEntries(await Promise.all(types.map(async (type) => [type, await readCells(run, table, state.group, place, column.column, type)])))
  return (row) => found[typeOf(row, state.show)](row)
}

/** The table itself. @param {Context} context */
function grid(context, rows, entries, cells, marks) {
  const { state, places, go } = context
  const [by, direction] = state.sort.split(' ')
  const at = entries.findIndex((entry) => keyOf(entry) === by)
  const order = rows.map((_, number) => number)
  if (at >= 0) {
    const value = (number) => cells[number][at]?.estimate ?? -Infinity
    order.sort((one, other) => (direction === 'up' ? value(one) - value(other) : value(other) - value(one)))
  }
  const head = entries.map((entry) => {
    const isSorted = keyOf(entry) === by
    const next = isSorted ? (direction === 'up' ? '' : `${by} up`) : `${keyOf(entry)} down`
    return h('th', { scope: 'col', 'aria-sort': isSorted ? (direction === 'up' ? 'ascending' : 'descending') : null },
      h('button', { type: 'button', id: `sort-${keyOf(entry)}`, title: 'Sort the rows by this column', click: () => go({ sort: next }) },
        entry.column.label, places.length > 1 && h('span', { class: 'place' }, entry.place.name),
        isSorted && h('span', { 'aria-hidden': 'true' }, direction === 'up' ? ' ▲' : ' ▼')))
  })
  const body = []
  let heading = null
  for (const number of order) {
    const row = rows[number]
    if (at < 0 && row.heading !== heading && row.heading !== null) {
      body.push(h('tr', { class: 'heading' }, h('th', { scope: 'rowgroup', colspan: entries.length + 1 }, row.heading)))
    }
    heading = row.heading
    body.push(h('tr', {}, h('th', { scope: 'row', class: at < 0 && row.heading ? 'under' : null }, at < 0 ? row.label : row.full),
      cells[number].map((cell, which) => shownCell(cell, row, entries[which], state, marks))))
  }
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Estimates' },
    h('table', { class: 'numbers' }, h('caption', { class: 'hidden' }, `${context.table.title}: estimates with 95 % intervals`),
      h('thead', {}, h('tr', {}, h('td', {}), head)), h('tbody', {}, body)))
}

function keyOf(entry) {
  return `${entry.column.column}-${entry.place.number}`
}

function shownCell(cell, row, entry, state, marks) {
  if (!cell) return h('td', {})
  const mark = marks.of(cell)
  return h('td', { 'data-cell': `${entry.place.number}-${row.row}-${entry.column.column}`, title: mark.means || null },
    h('span', { class: 'value' }, estimate(cell, { known: state.show === 'known' })),
    mark.text && h('sup', {}, mark.text), mark.means && h('span', { class: 'hidden' }, ` (${mark.means})`),
    state.show !== 'known' && h('span', { class: 'interval' }, interval(cell)),
    state.details && h('span', { class: 'details' }, [relativeError(cell) && `relative SE ${relativeError(cell)}`, agencies(cell) && `${agencies(cell)} agencies`].filter(Boolean).join(', ')))
}

/** What the marks mean. @param {Context} context */
export function legend({ run }, marks, hasPlaces) {
  const lines = marks.legend()
  return h('section', { class: 'notes', 'aria-label': 'Notes' },
    marks.hasInterval && h('p', {}, run.interval), hasPlaces && h('p', {}, run.own_weights),
    lines.length > 0 && h('dl', {}, lines.flatMap(([mark, words]) => [h('dt', {}, mark), h('dd', {}, words)])))
}

/** The rows of a download: a row for each cell. @param {Context} context */
function flat({ run, table, state }, rows, entries, cells, group) {
  return rows.flatMap((row, number) => entries.map((entry, which) => ({ row, entry, cell: cells[number][which] })))
    .filter(({ cell }) => cell).map(({ row, entry, cell }) => download(run, table, entry, row, cell, group, state.show === 'known'))
}

/** A row of a download. */
export function download(run, table, { column, place }, row, cell, group, isKnown = false) {
  return {
    run: run.run, year: run.year, source: run.source, is_synthetic: run.is_synthetic, table: table.table, place: place.name,
    place_number: place.number, persons: group || 'all', row: row.row, row_label: row.full, column: column.column,
    column_label: column.label, estimate_type: isKnown ? 'percentage of known' : cell.type,
    estimate: isKnown ? cell.known : cell.estimate, lower: isKnown ? null : cell.lower, upper: isKnown ? null : cell.upper,
    relative_standard_error: isKnown ? null : cell.error, agencies: cell.agencies, reported: cell.reported,
    filled_share: cell.filled, imputed_share: cell.imputed, caution: cell.note.caution ?? '',
    suppressed: cell.note.suppressed ?? '', missing: cell.note.missing ?? '',
  }
}
