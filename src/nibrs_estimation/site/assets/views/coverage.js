/** Who is behind the numbers of a place: its agencies, residents, months and donors. */

/** @import {Context} from '../app.js' */

import { readAgencies, readCells } from '../data.js'
import { checkbox, h } from '../dom.js'
import { downloads } from '../download.js'
import { estimate, number, percent } from '../format.js'
import { columnsControl, describe, placesControl, rowsControl, runControl, tableControl } from './controls.js'

const PAGE = 50
const NAMES = {
  name: 'Agency', ori: 'ORI', state_abbr: 'State', type: 'Type', population: 'Residents', responds: 'In the estimates', months: 'Months reported',
  filled: 'Months filled', donors: 'Filled from', weight: 'Weight',
}

/** @param {Context} context */
export async function render(context) {
  const { run, places, state, go } = context
  const isIncomplete = state.months === 'incomplete'
  const lists = await Promise.all(places.map((place) => readAgencies(run, place, Number(state.page) || 0, PAGE, isIncomplete)))
  const page = Math.max(0, ...lists.map((list) => list.page))
  const turn = (to) => go({ page: to ? String(to) : '' })
  return [
    h('h2', {}, `Who is behind the numbers: ${places.map((place) => place.name).join(', ')}`),
    h('form', { class: 'controls', 'aria-label': 'What is shown', submit: (event) => event.preventDefault() },
      placesControl(context), tableControl(context), columnsControl(context), rowsControl(context, mainRow(context.table)?.full),
      checkbox('Only agencies that did not report all months', isIncomplete, (only) => go({ months: only ? 'incomplete' : '', page: '' })), runControl(context)),
    ...(await Promise.all(places.map((place, at) => ofPlace(context, place, lists[at], isIncomplete)))).flat(),
    h('p', {}, page > 0 && h('button', { type: 'button', id: 'page-before', click: () => turn(page - 1) }, 'Larger agencies'), ' ',
      lists.some((list) => list.n > (page + 1) * PAGE) && h('button', { type: 'button', id: 'page-after', click: () => turn(page + 1) }, 'Smaller agencies')),
    h('p', {}, `File agencies.csv of run ${run.run} has more about each agency: which months were filled or left out and why, its weights, and what it reported.`),
  ]
}

/** @param {Context} context @param {import('../data.js').Place} place */
async function ofPlace(context, place, { rows: agencies, page, n }, isIncomplete) {
  const { run } = context
  const share = (value) => (value === null ? 'not known' : percent(value))
  const facts = [
    ['Agencies', `${number(place.responding_agencies)} of ${number(place.eligible_agencies)} are in the estimates`],
    ['Residents', `agencies in the estimates serve ${number(place.population_responding)} of ${number(place.population)}: ${share(place.population_coverage)}`],
    ['What was not reported', place.unreported_ratio === null ? 'not known' : `crime of the agencies that are missing: ${percent(place.unreported_ratio)} of that of the others, by their earlier reports`],
    ['Largest missing agency', place.largest_missing_share ? `${percent(place.largest_missing_share)} of the crime of the place, by earlier reports` : 'none'],
  ]
  return [
    h('h3', {}, `${place.name} (${describe(place)})`),
    h('dl', { class: 'facts' }, facts.flatMap(([name, words]) => [h('dt', {}, name), h('dd', {}, words)])),
    await ofCells(context, place),
    place.agencies && !n && h('p', {}, 'All agencies reported all months.'),
    n > 0 && h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Agencies of ${place.name}` },
      h('table', { class: 'agencies' },
        h('caption', {}, `Agencies ${isIncomplete ? 'that did not report all months, ' : ''}${number(page * PAGE + 1)} to ${number(page * PAGE + agencies.length)} of ${number(n)}, by residents`),
        h('thead', {}, h('tr', {}, Object.values(NAMES).map((name) => h('th', { scope: 'col' }, name)))),
        h('tbody', {}, agencies.map((agency) => h('tr', {}, Object.keys(NAMES).map((name) => h('td', {}, shown(agency[name], name)))))))),
    !place.agencies && h('p', {}, 'Its agencies are among those of the whole place.'),
    n > 0 && downloads(() => ({ title: `Agencies ${place.name}`, rows: agencies.map((agency) => ({ run: run.run, year: run.year, is_synthetic: run.is_synthetic, place: place.name, ...Object.fromEntries(Object.keys(NAMES).map((name) => [name, plain(agency[name])])) })) }), `nibrs-${run.run}-agencies`),
  ]
}

function shown(value, name) {
  if (name === 'responds') return value ? 'yes' : 'no'
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : number(Number(value), name === 'weight' ? 2 : 0)
}

function plain(value) {
  return value === undefined || value === null ? null : typeof value === 'bigint' ? Number(value) : value
}

/** The first row that has a count. @param {import('../data.js').Table} table */
function mainRow(table) {
  return table.rows.find((row) => 'count' in row.at)
}

/** What the respondents reported themselves, for the chosen cells. @param {Context} context */
async function ofCells({ run, table, state }, place) {
  const rows = table.rows.filter((row) => 'count' in row.at && (state.rows.length ? state.rows.includes(row.row) : row === mainRow(table)))
  const read = await Promise.all(state.columns.map((column) => readCells(run, table, state.group, place, column, 'count')))
  const lines = rows.flatMap((row) => state.columns.map((column, at) => ({ row, column: table.columns[column - 1], cell: read[at](row) })))
  if (!lines.length) return null
  const share = (value) => (value === null ? '' : percent(value))
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `What is behind the numbers of ${place.name}` }, h('table', { class: 'numbers' },
    h('caption', {}, `Table ${table.table}, ${table.title}: what is behind the numbers`),
    h('thead', {}, h('tr', {}, h('td', {}), ['Estimate', 'Reported themselves', 'Agencies', 'Filled months', 'Imputed items'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, lines.map(({ row, column, cell }) => h('tr', {}, h('th', { scope: 'row' }, `${column.label} · ${row.full}`),
      h('td', {}, estimate(cell)), h('td', {}, cell.reported === null ? '' : number(cell.reported, Number.isInteger(cell.reported) ? 0 : 1)),
      h('td', {}, cell.agencies === null ? '' : number(cell.agencies)), h('td', {}, share(cell.filled)), h('td', {}, share(cell.imputed)))))))
}
