/**
 * Search of questions and cells in plain words: the same rules as `nibrs find` (nibrs_estimation/tables/guide.py).
 *
 * @typedef {{table: string, is_variant: boolean, words: string[], like?: string, rows?: [number, string[], string[], boolean][],
 *   columns?: [number, string[], string[]][]}} IndexedTable
 * @typedef {{ignored: string[], synonyms: Record<string, string[][]>, tables: IndexedTable[], questions: any[]}} Index
 * @typedef {{table: string, row: number, column: number, score: number, found: number}} Hit
 */

const IN_LABEL = 3, IN_CONTENT = 1, IN_TABLE = 1.5
const EXTRA_WORD = 0.1, VARIANT = 0.5, ONLY_RATE = 0.4
const ROWS_OF_A_TABLE = 3
const BEGINNING = 4

/** @param {string} word */
function stem(word) {
  if (word.endsWith('ies') && word.length > BEGINNING) return `${word.slice(0, -3)}y`
  return word.endsWith('s') && !word.endsWith('ss') && word.length >= BEGINNING ? word.slice(0, -1) : word
}

/** @param {string} text */
function tokens(text) {
  return (text.toLowerCase().replaceAll('’', "'").match(/[a-z0-9+]+(?:-[a-z0-9+]+)*/g) ?? []).map(stem)
}

/**
 * For each word of the query its alternatives: the word itself, and the words that tables use for it.
 * @param {Index} index @param {string} query
 * @returns {string[][][]}
 */
function alternatives(index, query) {
  return [...new Set(tokens(query))].filter((word) => !index.ignored.includes(word))
    .map((word) => [[word], ...(Object.hasOwn(index.synonyms, word) ? index.synonyms[word] : [])])
}

/** @param {string} word @param {string[]} found */
function begins(word, found) {
  return found.includes(word) || (word.length >= BEGINNING && found.some((token) => token.startsWith(word)))
}

/** @param {string[][][]} terms @param {[string[], number][]} texts */
function weights(terms, texts) {
  return terms.map((term) => Math.max(0, ...texts
    .filter(([found]) => term.some((alternative) => alternative.every((word) => begins(word, found))))
    .map(([, weight]) => weight)))
}

/**
 * The questions of the guide whose words are all in the query; those with more words first.
 * @param {Index} index @param {string} query
 */
export function findQuestions(index, query) {
  const given = new Set(alternatives(index, query).flat(2))
  return index.questions
    .filter((question) => question.words.every((one) => one.split('|').some((word) => given.has(stem(word)))))
    .sort((one, other) => other.words.length - one.words.length)
}

/**
 * The cells that match a query best: at most three rows of each table. The best row of each table is first, then the
 * second ones, so that the first few are of several tables.
 * @param {Index} index @param {string} query
 * @returns {Hit[]}
 */
export function findCells(index, query) {
  const terms = alternatives(index, query)
  if (!terms.length) return []
  const hits = index.tables.map((table) => hitsOf(index, table, terms))
  const most = Math.max(0, ...hits.flat().map((hit) => hit.found))
  return hits.flatMap((ofTable) => ofTable.filter((hit) => hit.found === most).map((hit, place) => ({ hit, place })))
    .sort((one, other) => one.place - other.place || other.hit.score - one.hit.score).map(({ hit }) => hit)
}

/** @param {Index} index @param {IndexedTable} table @param {string[][][]} terms */
function hitsOf(index, table, terms) {
  const source = table.rows ? table : index.tables.find((other) => other.table === table.like)
  const ofTable = weights(terms, [[table.words, IN_TABLE]])
  const inQuery = new Set(terms.flat(2))
  const wantsRate = terms.some((term) => term.some((words) => words.length === 1 && words[0] === 'rate'))
  const part = (/** @type {[number, string[], string[], boolean?]} */ [number, label, content, isOnlyRate = false]) => ({
    number, penalty: isOnlyRate && !wantsRate ? ONLY_RATE : 0, weights: weights(terms, [[label, IN_LABEL], [content, IN_CONTENT]]),
    extra: label.filter((word) => !inQuery.has(word) && !index.ignored.includes(word)).length,
  })
  const isKept = (one, at) => at === 0 || one.weights.some((weight) => weight > 0)
  const columns = source.columns.map(part).filter(isKept)
  const rows = source.rows.map(part).filter(isKept)
  const found = []
  for (const row of rows) {
    let best = null
    for (const column of columns) {
      const all = ofTable.map((weight, at) => Math.max(weight, row.weights[at], column.weights[at]))
      const extra = [row, column].filter((side) => side.weights.some((weight) => weight > 0))
        .reduce((sum, side) => sum + side.extra, 0)
      const hit = {
        table: table.table, row: row.number, column: column.number, found: all.filter((weight) => weight > 0).length,
        score: all.reduce((sum, weight) => sum + weight, 0) - EXTRA_WORD * extra - row.penalty - (table.is_variant ? VARIANT : 0),
      }
      if (!best || better(hit, best) < 0) best = hit
    }
    if (best?.found) found.push(best)
  }
  const most = Math.max(0, ...found.map((hit) => hit.found))
  return found.filter((hit) => hit.found === most).sort(better).slice(0, ROWS_OF_A_TABLE)
}

/** @param {Hit} one @param {Hit} other */
function better(one, other) {
  return other.found - one.found || other.score - one.score
}
