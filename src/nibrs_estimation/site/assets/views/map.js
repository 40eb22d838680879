/** A map of the states, and states and metropolitan areas in the order of one number. */

/** @import {Context} from '../app.js' */

import { readCellOf, readJson } from '../data.js'
import { h } from '../dom.js'
import { downloads } from '../download.js'
import { agencies, estimate, interval, Marks, number, percent, relativeError, UNITS } from '../format.js'
import { columnControl, groupName, rowControl, runControl, showControl, tableControl, typeOf } from './controls.js'
import { feature } from '../vendor/topojson-client.js'
import { download, legend } from './table.js'

/** Respondents serve a smaller share of the residents: hatched. */
const ENOUGH_COVERAGE = 0.8
const CLASSES = 5

/** @param {Context} context */
export async function render(context) {
  const { run, table, state } = context
  if (!state.asked.columns.length) state.columns = [mainColumn(table)]
  const row = table.rows.find((one) => one.row === state.rows[0] && typeOf(one, state.show)) ?? firstRow(context)
  if (!row) return h('p', { class: 'problem' }, `Table ${table.table} has no ${UNITS[state.show]?.toLowerCase()}.`)
  const type = typeOf(row, state.show)
  const column = table.columns[state.columns[0] - 1]
  const group = groupName(run, table, state.group)
  const marks = new Marks(run)
  const [states, areas] = await Promise.all(['state', 'msa'].map((level) => ranked(context, level, row, column, type)))
  const title = `${column.label}: ${row.full}`
  return [
    h('h2', {}, title),
    h('form', { class: 'controls', 'aria-label': 'What is shown', submit: (event) => event.preventDefault() },
      tableControl(context), columnControl(context), rowControl(context, row), showControl(context), runControl(context)),
    h('p', {}, `${UNITS[type]}, ${run.year}. ${table.counts}`, run.is_synthetic && ' SYNTHETIC DATA.'),
    await map(context, states, row, column),
    list('States', states, type, marks, context), list('Metropolitan areas', areas, type, marks, context),
    legend(context, marks, true),
    downloads(() => ({ title, rows: [...states, ...areas].map(({ place, cell }) => download(run, table, { column, place }, row, cell, group)) }), `nibrs-${run.run}-${table.table}-map`),
  ]
}

/** The most important column that is no total of the table. @param {import('../data.js').Table} table */
export function mainColumn(table) {
  return [...table.columns].sort((one, other) => Number(one.column === 1) - Number(other.column === 1) || (one.rank ?? 1000) - (other.rank ?? 1000))[0].column
}

/** The rate of all units if there is one, otherwise the first row. @param {Context} context */
function firstRow({ table, state }) {
  return table.rows.find((row) => 'rate' in row.at && typeOf(row, state.show)) ?? table.rows.find((row) => typeOf(row, state.show))
}

/** The places of a level with their cells, the highest first. @param {Context} context */
async function ranked({ run, table, state }, level, row, column, type) {
  const places = run.places.filter((place) => place.level === level && place.group === null)
  const cells = await readCellOf(run, table, state.group, places, row, column.column, type)
  const value = (item) => item.cell?.estimate ?? -1
  return places.map((place, at) => ({ place, cell: cells[at] })).filter((item) => item.cell).sort((one, other) => value(other) - value(one))
}

/** @param {Context} context */
async function map({ link, table, run }, states, row, column) {
  const shapes = await readJson('maps/states.json')
  const byFips = new Map(states.map((item) => [item.place.fips, item]))
  const known = states.map((item) => item.cell.estimate).filter((value) => value !== null).sort((one, other) => one - other)
  const limits = Array.from({ length: CLASSES - 1 }, (_, at) => known[Math.floor(((at + 1) * known.length) / CLASSES)])
  const classOf = (value) => limits.filter((limit) => value >= limit).length
  const drawn = feature(shapes, shapes.objects.states).features.flatMap((shape) => {
    const item = byFips.get(shape.id)
    const value = item?.cell.estimate ?? null
    const path = pathOf(shape.geometry)
    const coverage = item?.place.population_coverage ?? null
    const words = `${shape.properties.name}: ${item ? `${estimate(item.cell)}${interval(item.cell) && ` (${interval(item.cell)})`}` : 'not in this run'}${coverage === null ? '' : `, coverage ${percent(coverage, 0)}`}`
    const parts = [h('path', { d: path, class: value === null ? 'state none' : `state class-${classOf(value)}`, 'data-fips': shape.id,
      click: item && (() => { location.hash = link({ view: 'table', table: table.table, places: [item.place.number], columns: [column.column], rows: [row.row], details: true }) }) },
    h('title', {}, words))]
    if (item && coverage !== null && coverage < ENOUGH_COVERAGE) parts.push(h('path', { d: path, class: 'hatched' }))
    return parts
  })
  const hatch = h('pattern', { id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
    h('line', { x1: 0, y1: 0, x2: 0, y2: 6, class: 'hatch-line' }))
  const unit = (value) => number(value, value < 10 && !Number.isInteger(value) ? 2 : Number.isInteger(value) ? 0 : 1)
  const keys = known.length >= CLASSES ? Array.from({ length: CLASSES }, (_, at) => h('li', {}, h('span', { class: `key class-${at}` }),
    at === 0 ? `below ${unit(limits[0])}` : at === CLASSES - 1 ? `${unit(limits[at - 1])} or more` : `${unit(limits[at - 1])} to below ${unit(limits[at])}`)) : []
  return h('figure', { class: 'map' },
    h('svg', { viewBox: '0 0 975 610', role: 'img', 'aria-label': `Map of the states; the list of states below has the same numbers. Data of ${run.year}.` }, h('defs', {}, hatch), drawn),
    h('ul', { class: 'keys' }, keys, h('li', {}, h('span', { class: 'key none' }), 'suppressed, not known or not in this run'),
      h('li', {}, h('span', { class: 'key hatch' }), `hatched: respondents serve less than ${percent(ENOUGH_COVERAGE, 0)} of the residents`)))
}

/** The path of a shape that is already projected. */
function pathOf(geometry) {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
  return polygons.flat().map((ring) => `M${ring.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join('L')}Z`).join('')
}

/** @param {Context} context */
function list(title, items, type, marks, { link, table, state }) {
  if (!items.length) return h('section', {}, h('h3', {}, title), h('p', {}, 'None in this run.'))
  return h('section', {}, h('h3', {}, title), h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title },
    h('table', { class: 'numbers ranked' }, h('thead', {}, h('tr', {},
      ['', title, UNITS[type], '95 % interval', 'Relative standard error', 'Agencies', 'Coverage'].map((name) => (name ? h('th', { scope: 'col' }, name) : h('td', {}))))),
    h('tbody', {}, items.map(({ place, cell }, at) => {
      const mark = marks.of(cell)
      return h('tr', {}, h('td', {}, cell.estimate === null ? '' : String(at + 1)),
        h('th', { scope: 'row' }, h('a', { href: link({ view: 'table', table: table.table, places: [place.number], columns: state.columns.slice(0, 1) }) }, place.name)),
        h('td', { title: mark.means || null, 'data-place': place.number }, h('span', { class: 'value' }, estimate(cell)), mark.text && h('sup', {}, mark.text), mark.means && h('span', { class: 'hidden' }, ` (${mark.means})`)),
        h('td', {}, interval(cell)), h('td', {}, relativeError(cell)), h('td', {}, type === 'percentage' ? '' : agencies(cell)),
        h('td', {}, place.population_coverage === null ? 'not known' : percent(place.population_coverage, 0)))
    })))))
}
