/** The first page: main numbers of a place, and a search in plain words. */

/** @import {Context} from '../app.js' */

import { ALL_PERSONS, readCells, readJson, readTable } from '../data.js'
import { findOption, h } from '../dom.js'
import { estimate, interval, Marks } from '../format.js'
import { findCells, findQuestions } from '../search.js'
import { describe, placeOptions, placesControl, runControl } from './controls.js'
import { legend } from './table.js'

const MOST_QUESTIONS = 3, MOST_CELLS = 8, MOST_PLACES = 5

/** @param {Context} context */
export async function render(context) {
  const { site, run, places, state } = context
  const marks = new Marks(run)
  const cards = await Promise.all(site.headlines.filter((one) => run.tables.includes(one.table)).map((one) => card(context, one, marks)))
  return [
    h('h2', {}, `Crime in ${run.year}: ${places.map((place) => place.name).join(', ')}`),
    h('form', { class: 'controls', 'aria-label': 'What is shown', submit: (event) => event.preventDefault() },
      placesControl(context), runControl(context)),
    h('form', { class: 'search', role: 'search', submit: (event) => { event.preventDefault(); context.go({ words: event.target.words.value }) } },
      h('label', { for: 'words' }, 'Search'),
      h('input', { id: 'words', name: 'words', type: 'search', value: state.words, placeholder: 'aggravated assault firearm' }),
      h('button', { type: 'submit', id: 'find' }, 'Find')),
    state.words && found(context, await readJson('search.json'), await tablesOf(site)),
    h('section', { 'aria-label': 'Main numbers' }, h('ul', { class: 'cards' }, cards)),
    legend(context, marks, places.length > 1),
    site.without.length > 0 && h('section', {}, h('h3', {}, 'Comparisons'), site.without.map((why) => h('p', {}, why))),
    Object.keys(run.absent).length > 0 && h('section', {}, h('h3', {}, 'Not in this site'),
      h('ul', {}, Object.entries(run.absent).map(([name, why]) => h('li', {}, `${name}: ${why}`)))),
  ]
}

/** @param {Context} context */
async function card({ run, places, link }, headline, marks) {
  const table = await readTable(headline.table)
  const total = table.rows.find((row) => row.row === headline.row)
  const rate = table.rows.find((row) => row.row === headline.rate_row)
  const lines = await Promise.all(places.map(async (place) => {
    const [counts, rates] = await Promise.all(['count', 'rate'].map((type) => readCells(run, table, ALL_PERSONS, place, headline.column, type)))
    return { place, count: counts(total), perPerson: rate && rates(rate) }
  }))
  return h('li', { class: 'card' },
    h('a', { href: link({ view: 'table', table: table.table, columns: [headline.column], places: places.map((place) => place.number) }) }, headline.label),
    lines.map(({ place, count, perPerson }) => h('p', {},
      h('span', { class: 'place' }, total.label),
      places.length > 1 && h('span', { class: 'place' }, place.name),
      number(count, marks), ' ', h('span', { class: 'interval' }, interval(count)),
      perPerson && h('span', { class: 'rate' }, 'per 100,000: ', number(perPerson, marks)))))
}

function number(cell, marks) {
  const mark = marks.of(cell)
  return h('b', { title: mark.means || null }, estimate(cell), mark.text && h('sup', {}, mark.text),
    mark.means && h('span', { class: 'hidden' }, ` (${mark.means})`))
}

async function tablesOf(site) {
  const tables = await Promise.all(site.tables.map((one) => readTable(one.table)))
  return new Map(tables.map((table) => [table.table, table]))
}

/** Why this site has no view of an answer of the guide; null if it has one. */
function whyNoView(run, one, named) {
  if (one.view === null) return ''
  if (one.group && !run.series[one.table]?.some((series) => String(series.number) === one.group)) return 'This site does not have this group of persons.'
  return one.view === 'compare' && named.length < 2 ? 'This site does not have both places.' : null
}

/** Answers to the search: questions of the guide, cells, and places. @param {Context} context */
function found(context, index, tables) {
  const { run, state, link } = context
  const questions = findQuestions(index, state.words).slice(0, MOST_QUESTIONS)
  const isUnanswered = questions.some((question) => !question.is_answered)
  const cells = isUnanswered ? [] : findCells(index, state.words).slice(0, MOST_CELLS)
  const word = state.words.trim().toLowerCase()
  const places = run.places.filter((place) => place.name.toLowerCase().includes(word) || place.code?.toLowerCase() === word).slice(0, MOST_PLACES)
  const chosen = state.places
  const answer = (one) => {
    const named = one.places.map((text) => findOption(placeOptions(run), text)?.value).filter(Boolean).map(Number)
    const why = whyNoView(run, one, named)
    const title = one.table === null ? 'Coverage' : `${one.view === 'compare' ? 'Compare: ' : ''}${tables.get(one.table).title}`
    const { rows, columns, group, show, months } = one
    const view = { view: one.view, table: one.table, rows, columns, group, show, months, places: named.length ? named : chosen, details: one.view === 'table' && columns.length === 1 }
    const name = [why === null ? h('a', { href: link(view) }, title) : title, one.table !== null && ` (table ${one.table})`, ': ']
    return h('li', {}, one.view !== null && name, `${one.tells.replaceAll('`', '')} `, why && `${why} `, h('code', {}, one.command))
  }
  return h('section', { class: 'found', id: 'found', 'aria-label': 'Found' },
    questions.map((question) => h('div', {}, h('h3', {}, question.ask), question.note && h('p', {}, question.note),
      h('ul', {}, question.answers.map(answer)))),
    cells.length > 0 && h('h3', {}, 'Tables that have these words'),
    cells.length > 0 && h('ul', {}, cells.map((hit) => {
      const table = tables.get(hit.table)
      const row = table.rows.find((one) => one.row === hit.row)
      return h('li', {}, h('a', { href: link({ view: 'table', table: hit.table, rows: [hit.row], columns: [hit.column], places: chosen, details: true }) },
        `${table.title}: ${row.full}, ${table.columns[hit.column - 1].label}`),
      ` (table ${hit.table}) `, h('code', {}, `nibrs tables show ${hit.table} --row ${hit.row} --column ${table.columns[hit.column - 1].name}`))
    })),
    places.length > 0 && h('h3', {}, 'Places'),
    places.length > 0 && h('ul', {}, places.map((place) => h('li', {}, h('a', { href: link({ view: 'start', places: [place.number] }) }, place.name), ` (${describe(place)})`))),
    !questions.length && !cells.length && !places.length && h('p', { class: 'problem' },
      `No table or place has any of the words “${state.words}”. Try others, such as the name of an offense, victim, arrest, weapon, age or clearance, or of a state; Definitions lists the tables.`))
}
