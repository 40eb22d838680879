/** Dots with intervals: rows, columns, places, groups of persons or years side by side. */

/** @import {Context} from '../app.js' */

import { ALL_PERSONS, readCells, readRun } from '../data.js'
import { h, select } from '../dom.js'
import { downloads } from '../download.js'
import { digitsOf, estimate, interval, Marks, UNITS } from '../format.js'
import { Problem } from '../problem.js'
import { columnControl, columnsControl, groupControl, groupName, placesControl, rowControl, rowsControl, runControl, showControl, tableControl, typeOf } from './controls.js'
import { download, legend } from './table.js'

const BY = { columns: 'Columns', rows: 'Rows', places: 'Places', groups: 'Groups of persons', years: 'Years' }
const MOST = 80
const LINE = 24

/** @param {Context} context */
export async function render(context) {
  const { run, table, state, site, go } = context
  const by = state.by || (context.places.length > 1 ? 'places' : 'columns')
  const items = (await itemsOf(context, by)).filter((item) => item.cell)
  const marks = new Marks(run)
  const lines = items.slice(0, MOST).map((item) => ({ ...item, mark: marks.of(item.cell) }))
  const possible = Object.entries(BY).filter(([name]) => (name !== 'groups' || run.series[table.table]) && (name !== 'years' || site.runs.length > 1))
  const types = [...new Set(lines.map((line) => line.cell.type))]
  const unit = types.map((type) => UNITS[type]).join(' and ')
  const figure = h('figure', {}, h('figcaption', {}, `${unit}, with 95 % intervals. ${fixedWords(context, by)}`))
  const drawn = lines.filter((line) => line.cell.estimate !== null)
  if (drawn.length) {
    const words = `${unit} of ${drawn.length} ${BY[by].toLowerCase()}, with 95 % intervals; the numbers are in the table below`
    const chart = h('div', { class: 'chart' })
    figure.append(h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Chart' }, chart))
    await draw(chart, drawn)
    // The library names the element in its own words.
    chart.removeAttribute('aria-roledescription')
    chart.setAttribute('role', 'img')
    chart.setAttribute('aria-label', words)
  }
  return [
    h('h2', {}, `${table.table}  ${table.title}`),
    h('form', { class: 'controls', 'aria-label': 'What is shown', submit: (event) => event.preventDefault() },
      select('Side by side', possible.map(([value, text]) => ({ value, text })), by, (value) => go({ by: value, first: '', second: '' })),
      tableControl(context), placesControl(context), by === 'columns' ? columnsControl(context) : columnControl(context), by === 'rows' ? rowsControl(context) : rowControl(context, rowOf(context)), groupControl(context),
      showControl(context), runControl(context)),
    lines.length ? figure : h('p', { class: 'problem' }, 'No row of this choice has such a number. Choose another row, or another kind of number.'),
    items.length > MOST && h('p', {}, `The first ${MOST} of ${items.length} are shown.`),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Numbers of the chart' }, h('table', { class: 'numbers' },
      h('caption', { class: 'hidden' }, 'Numbers of the chart'),
      h('thead', {}, h('tr', {}, h('td', {}), h('th', { scope: 'col' }, 'Estimate'), h('th', { scope: 'col' }, '95 % interval'))),
      h('tbody', {}, lines.map(({ label, cell, mark }) => h('tr', {}, h('th', { scope: 'row' }, label),
        h('td', { title: mark.means || null }, h('span', { class: 'value' }, estimate(cell)), mark.text && h('sup', {}, mark.text),
          mark.means && h('span', { class: 'hidden' }, ` (${mark.means})`)), h('td', {}, interval(cell))))))),
    legend(context, marks, by === 'places'),
    downloads(() => ({ title: `${table.table} ${table.title}`, rows: lines.map((line) => download(line.run, table, line, line.row, line.cell, line.group)) }), `nibrs-${run.run}-${table.table}-${by}`),
  ]
}

/** The row of a chart of other things. @param {Context} context */
function rowOf({ table, state }) {
  return table.rows.find((row) => row.row === state.rows[0]) ?? table.rows.find((row) => typeOf(row, state.show))
}

/** What is side by side, with its cells. @param {Context} context */
async function itemsOf(context, by) {
  const { run, table, state, places, site } = context
  const rowOfTable = rowOf(context)
  if (!rowOfTable) return []
  const column = table.columns[state.columns[0] - 1]
  const one = { run, place: places[0], column, row: rowOfTable, series: state.group }
  const all = {
    columns: async () => state.columns.map((number) => ({ ...one, column: table.columns[number - 1], label: table.columns[number - 1].label })),
    rows: async () => {
      const rows = table.rows.filter((row) => typeOf(row, state.show) && (!state.rows.length || state.rows.includes(row.row)))
      const hasHeading = headingOf(rows) !== null
      return rows.map((row) => ({ ...one, row, label: hasHeading ? row.label : row.full }))
    },
    places: async () => places.map((place) => ({ ...one, place, label: place.name })),
    groups: async () => [{ ...one, series: ALL_PERSONS, label: 'All persons' }, ...(run.series[table.table] ?? []).map((group) => ({ ...one, series: String(group.number), label: group.label }))],
    years: async () => (await Promise.all([...site.runs].sort((a, b) => a.year - b.year).map(async ({ run: name }) => {
      const other = await readRun(name)
      const place = other.places.find((of) => of.number === places[0].number)
      return place && other.tables.includes(table.table) ? { ...one, run: other, place, label: `${other.year} (${name})` } : null
    }))).filter(Boolean),
  }
  if (!all[by]) throw new Problem(`A chart has no ${by} side by side. Choose one of: ${Object.keys(BY).join(', ')}.`)
  const items = await all[by]()
  return Promise.all(items.map(async (item) => {
    const type = typeOf(item.row, state.show)
    let cell = null
    if (type) {
      try {
        cell = (await readCells(item.run, table, item.series, item.place, item.column.column, type))(item.row)
      } catch (error) {
        // A group of persons that is not estimated for this place is left out of the chart.
        if (by !== 'groups' || !(error instanceof Problem)) throw error
      }
    }
    return { ...item, cell, group: groupName(item.run, table, item.series) }
  }))
}

/** The heading that all of several rows have; null if there is none. */
function headingOf(rows) {
  return rows.length > 1 && rows.every((row) => row.heading === rows[0].heading) ? rows[0].heading : null
}

/** What all dots have in common. @param {Context} context */
function fixedWords(context, by) {
  const { run, table, state, places } = context
  const row = rowOf(context)
  const parts = [
    by === 'rows' ? headingOf(table.rows.filter((one) => state.rows.includes(one.row))) : row?.full, by !== 'columns' && table.columns[state.columns[0] - 1]?.label, by !== 'places' && places[0].name,
    by !== 'groups' && groupName(run, table, state.group), by !== 'years' && String(run.year), run.is_synthetic && 'SYNTHETIC DATA',
  ]
  return parts.filter(Boolean).join(' · ')
}

async function draw(element, lines) {
  const { vegaEmbed } = await import('../vendor/vega.js')
  const style = getComputedStyle(document.documentElement)
  const color = (name) => style.getPropertyValue(name).trim()
  const values = lines.map(({ label, cell }, at) => ({
    at, label: short(label), estimate: cell.estimate, lower: cell.lower ?? cell.estimate, upper: cell.upper ?? cell.estimate,
    text: cell.estimate.toLocaleString('en-US', { minimumFractionDigits: digitsOf(cell), maximumFractionDigits: digitsOf(cell) }),
  }))
  const y = { field: 'at', type: 'ordinal', axis: null }
  const scale = { zero: true, nice: true }
  const mark = (type, encoding, extra = {}) => ({ mark: { type, aria: false, ...extra }, encoding: { y, ...encoding } })
  const width = Math.max(160, Math.min(620, (document.getElementById('main').clientWidth || 700) - 410))
  const text = { font: 'system-ui, sans-serif', fontSize: 13, color: color('--text') }
  await vegaEmbed(element, {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json', background: null, data: { values },
    config: { view: { stroke: null }, aria: false, axis: { labelColor: color('--text'), gridColor: color('--line'), domainColor: color('--line'), tickColor: color('--line'), labelFont: 'system-ui, sans-serif' } },
    hconcat: [{
      width: 280, height: { step: LINE }, view: { stroke: null },
      ...mark('text', { text: { field: 'label' }, x: { value: 278 } }, { align: 'right', limit: 278, ...text }),
    }, {
      width, height: { step: LINE },
      layer: [
        mark('rule', { x: { field: 'lower', type: 'quantitative', title: null, scale }, x2: { field: 'upper' } }, { strokeWidth: 2, color: color('--accent') }),
        mark('point', { x: { field: 'estimate', type: 'quantitative', scale } }, { filled: true, size: 60, opacity: 1, color: color('--accent') }),
      ],
    }, {
      width: 80, height: { step: LINE },
      ...mark('text', { text: { field: 'text' }, x: { value: 78 } }, { align: 'right', ...text }),
    }],
    spacing: 8,
  }, { ast: true, actions: false, renderer: 'svg', defaultStyle: false, tooltip: false, hover: false })
}

/** The end of a long label, which tells it from others. @param {string} label */
function short(label) {
  return label.length > 37 ? `…${label.slice(-36)}` : label
}
