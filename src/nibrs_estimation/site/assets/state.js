/**
 * What is shown, as the part of the address after #: it holds the whole state, so that a view can be mailed.
 *
 * @typedef {{view: string, run: string, table: string, places: number[], columns: number[], rows: number[], group: string,
 *   show: string, months: string, sort: string, details: boolean, suppressed: boolean, words: string, by: string, first: string,
 *   second: string, page: string}} State
 */

const LISTS = ['places', 'columns', 'rows']
const TEXTS = ['run', 'table', 'group', 'show', 'months', 'sort', 'words', 'by', 'first', 'second', 'page']

/**
 * @param {string} hash
 * @returns {State} what the address leaves out is empty
 */
export function parse(hash) {
  const [view, query = ''] = hash.replace(/^#/, '').split('?')
  const given = new URLSearchParams(query)
  /** @type {any} */
  const state = { view: view || 'start', details: given.get('details') === 'yes' }
  for (const name of TEXTS) state[name] = given.get(name) ?? ''
  for (const name of LISTS) {
    state[name] = (given.get(name) ?? '').split(',').filter((text) => /^\d+$/.test(text)).map(Number)
  }
  return state
}

/**
 * @param {Partial<State>} state
 * @returns {string} the part of the address with #
 */
export function address(state) {
  const given = new URLSearchParams()
  for (const name of TEXTS) if (state[name]) given.set(name, state[name])
  for (const name of LISTS) if (state[name]?.length) given.set(name, state[name].join(','))
  if (state.details) given.set('details', 'yes')
  const query = given.toString().replaceAll('%2C', ',')
  return `#${state.view ?? 'start'}${query ? `?${query}` : ''}`
}
