/** What tables count, and what their rows and columns mean. */

/** @import {Context} from '../app.js' */

import { h } from '../dom.js'
import { tableControl, runControl } from './controls.js'

/** @param {Context} context */
export function render(context) {
  const { site, table, run, link } = context
  return [
    h('h2', {}, `${table.table}  ${table.title}`),
    h('form', { class: 'controls', 'aria-label': 'What is shown', submit: (event) => event.preventDefault() }, tableControl(context), runControl(context)),
    h('p', {}, table.counts),
    h('dl', { class: 'facts' }, [
      ['Which units', table.universe], ['One unit is', table.unit],
      table.variant_of && ['Rows and columns', `those of table ${table.variant_of}`],
      table.demographic && ['Groups of persons', `the table is repeated for groups of ${table.demographic}s by age, sex, race and ethnicity`],
      ['Method', `handbook, ${table.chapter}; intervals: methods/11-estimation.md; suppression: methods/14-suppression.md`],
      ['In the terminal', `nibrs tables show ${table.table} --run ${run.run}`],
    ].filter(Boolean).flatMap(([name, words]) => [h('dt', {}, name), h('dd', {}, words)])),
    h('h3', {}, 'Columns'),
    scroll('Columns', ['', 'Column', 'Contains'], table.columns.map((column) => [column.column, h('a', { href: link({ view: 'table', table: table.table, columns: [column.column] }) }, column.label),
      `${column.definition ?? ''}${column.is_proposed ? ' (its codes are a proposal of this program: the list of the reference method is not known)' : ''}`])),
    h('h3', {}, 'Rows'),
    scroll('Rows', ['', 'Row', 'Numbers', 'Meaning', 'Percent of rows', 'Rate per 100,000 of'], table.rows.map((row) => [row.row,
      h('a', { href: link({ view: 'table', table: table.table, rows: [row.row] }) }, row.full), Object.keys(row.at).join(', '),
      [row.tells, row.unit && `counts ${row.unit}`, row.is_unknown && 'units whose value is not known'].filter(Boolean).join('; '), row.share_of?.join(', ') ?? '', row.population ?? ''])),
    h('h3', {}, 'All tables'),
    h('ul', {}, site.tables.map((one) => h('li', {}, h('a', { href: link({ view: 'definitions', table: one.table }) }, `${one.table} ${one.title}`), `: ${one.counts}`))),
  ]
}

function scroll(label, names, rows) {
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label }, h('table', { class: 'agencies' },
    h('thead', {}, h('tr', {}, names.map((name) => (name ? h('th', { scope: 'col' }, name) : h('td', {}))))),
    h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell, at) => (at === 1 ? h('th', { scope: 'row' }, cell) : h('td', {}, cell))))))))
}
