/**
 * The files of the site: descriptions as JSON, and numbers as Parquet, of which only the parts that a view needs are read.
 *
 * @typedef {{number: number, name: string, level: string, group: string | null, code: string | null, fips: string | null,
 *   file: number, position: number, agencies: [number, number] | null, population: number, population_responding: number,
 *   population_coverage: number | null, eligible_agencies: number, responding_agencies: number}} Place
 * @typedef {{caution?: string, suppressed?: string, missing?: string, blank?: boolean, inferred?: boolean,
 *   exact?: boolean}} Note
 * @typedef {{row: number, label: string, heading: string | null, full: string, at: Record<string, number>, section: number,
 *   tells: string | null, unit: string | null, share_of: number[] | null, of: number | null, population: string | null,
 *   is_unknown: boolean}} Row
 * @typedef {{column: number, name: string, label: string, definition: string | null, is_sum: boolean,
 *   is_proposed: boolean, rank: number | null}} Column
 * @typedef {{table: string, title: string, counts: string, universe: string, unit: string, variant_of: string | null,
 *   demographic: string | null, chapter: string, n_rows: Record<string, number>, rows: Row[], columns: Column[]}} Table
 * @typedef {'count' | 'percentage' | 'rate'} Estimate
 * @typedef {{type: Estimate, estimate: number | null, lower: number | null, upper: number | null, error: number | null,
 *   known: number | null, agencies: number | null, reported: number | null, filled: number | null,
 *   imputed: number | null, note: Note}} Cell
 */

import { crc32 } from './crc32.js'
import { Problem } from './problem.js'
import { parquetMetadataAsync, parquetRead } from './vendor/hyparquet.js'
import { decompress } from './vendor/fzstd.js'

/** Number of the format that these pages read. */
export const FORMAT = 1
/** Where the numbers of all persons are. */
export const ALL_PERSONS = '0'
const COMPRESSORS = { ZSTD: (/** @type {Uint8Array} */ input, /** @type {number} */ length) => decompress(input, new Uint8Array(length)) }
const MONTHS_PER_YEAR = 12
const AGAIN = 'Publish the site again with: nibrs publish site --run RUN --out FOLDER'

/** @type {Map<string, Promise<any>>} */
const requests = new Map()

/**
 * The result of a request that is made once; a failed one is made again.
 * @template T
 * @param {string} key
 * @param {() => Promise<T>} make
 * @returns {Promise<T>}
 */
function once(key, make) {
  const known = requests.get(key)
  if (known) return known
  const made = make()
  requests.set(key, made)
  made.catch(() => requests.delete(key))
  return made
}

/** @param {string} path */
export function readJson(path) {
  return once(path, async () => {
    const response = await get(path)
    try {
      return await response.json()
    } catch {
      throw new Problem(`The file ${path} is damaged: it is no JSON. ${AGAIN}`)
    }
  })
}

/** The runs and tables of the site. */
export async function readSite() {
  const site = await readJson('site.json')
  if (site.format !== FORMAT) {
    throw new Problem(`The data of this site have format ${site.format} (version ${site.version} of nibrs), and its pages read format ${FORMAT}: they are of different versions. ${AGAIN}`)
  }
  return site
}

/**
 * @param {string} run
 * @returns {Promise<any>}
 */
export function readRun(run) {
  return readJson(`runs/${encodeURIComponent(run)}/run.json`)
}

/**
 * @param {string} table
 * @returns {Promise<Table>}
 */
export function readTable(table) {
  return readJson(`tables/${encodeURIComponent(table)}.json`)
}

/**
 * @param {string} path
 * @param {Record<string, string>} [headers]
 */
async function get(path, headers = {}) {
  let response
  try {
    response = await fetch(path, { headers })
  } catch {
    throw new Problem(`The file ${path} cannot be fetched: the server does not answer. Check the network, and reload the page.`)
  }
  if (!response.ok) {
    throw new Problem(`The site has no file ${path} (the server answered ${response.status}). It may have been copied or published in part. ${AGAIN}`)
  }
  return response
}

/**
 * A part of a file, checked against its CRC-32.
 * @param {string} path
 * @param {[number, number, number]} part first byte, byte after the last, CRC-32
 */
async function readPart(path, [start, end, crc]) {
  const response = await get(path, { Range: `bytes=${start}-${end - 1}` })
  let bytes = new Uint8Array(await response.arrayBuffer())
  // A server without range requests sends the whole file.
  if (response.status === 200) bytes = bytes.subarray(start, end)
  if (bytes.length !== end - start || crc32(bytes) !== crc) {
    throw new Problem(`The file ${path} is damaged, or not the one that was published with this site: its checksum is wrong, so its numbers are not shown. ${AGAIN}`)
  }
  return bytes
}

/**
 * The row groups of a file, one at a time.
 * @param {string} folder
 * @param {string} name
 * @param {number} group
 * @returns {Promise<Record<string, ArrayLike<any>> & {length: number}>} columns
 */
function readGroup(folder, name, group) {
  const path = `${folder}/${name}.parquet`
  return once(`${path}:${group}`, async () => {
    const index = await readJson(`${folder}/index.json`)
    const parts = index[name]
    if (!parts) throw new Problem(`The site has no numbers in ${path}. ${AGAIN}`)
    const [footer, bytes] = await Promise.all([
      once(`${path}:footer`, async () => {
        const end = await readPart(path, parts.footer)
        const file = bufferOf(parts.size, [[parts.footer[0], end]])
        return { end, metadata: await parquetMetadataAsync(file, { initialFetchSize: end.length }) }
      }),
      readPart(path, parts.groups[group]),
    ])
    const rows = footer.metadata.row_groups.map((one) => Number(one.num_rows))
    const rowStart = rows.slice(0, group).reduce((sum, one) => sum + one, 0)
    const file = bufferOf(parts.size, [[parts.groups[group][0], bytes], [parts.footer[0], footer.end]])
    /** @type {any} */
    const columns = { length: rows[group] }
    try {
      await parquetRead({
        file, metadata: footer.metadata, rowStart, rowEnd: rowStart + rows[group], compressors: COMPRESSORS,
        onChunk: ({ columnName, columnData, rowStart: first }) => {
          columns[columnName] ??= new Array(rows[group])
          for (let at = 0; at < columnData.length; at++) columns[columnName][first - rowStart + at] = columnData[at]
        },
      })
    } catch (error) {
      throw new Problem(`The file ${path} cannot be read (${error.message}). ${AGAIN}`)
    }
    return columns
  })
}

/**
 * A file of which some parts have been read.
 * @param {number} byteLength
 * @param {[number, Uint8Array][]} parts first byte, and bytes
 */
function bufferOf(byteLength, parts) {
  return {
    byteLength,
    slice(/** @type {number} */ start, end = byteLength) {
      const part = parts.find(([first, bytes]) => start >= first && end <= first + bytes.length)
      if (!part) throw new Error(`bytes ${start} to ${end} are in no part of the file`)
      return part[1].slice(start - part[0], end - part[0]).buffer
    },
  }
}

/**
 * The numbers of one column of a table for one place.
 * @param {any} run description of the run
 * @param {Table} table
 * @param {string} series number of the group of persons, or ALL_PERSONS
 * @param {Place} place
 * @param {number} column
 * @param {Estimate} type
 * @returns {Promise<(row: Row) => Cell | null>} the number of a row; null if the row has none of this type
 */
export async function readCells(run, table, series, place, column, type) {
  const n = table.n_rows[type]
  if (!n) return () => null
  const folder = folderOf(run, table, series)
  const index = await readJson(`${folder}/index.json`)
  const name = `${type}-${String(place.file).padStart(2, '0')}`
  if (!index[name]) {
    throw new Problem(`Table ${table.table} has no numbers of this group of persons for ${place.name}: they are estimated for the nation, or for the nation and its regions.`)
  }
  const columns = await readGroup(folder, name, column - 1)
  if ((place.position + 1) * n > columns.length) {
    throw new Problem(`Table ${table.table} has no numbers of this group of persons for ${place.name}: they are estimated for the nation only.`)
  }
  return (row) => {
    const at = row.at[type]
    return at === undefined ? null : cellAt(columns, place.position * n + at, type, run.notes)
  }
}

/** @param {any} run @param {Table} table @param {string} series */
function folderOf(run, table, series) {
  if (!run.tables.includes(table.table)) {
    throw new Problem(run.absent[table.table] ?? `Run ${run.run} has no table ${table.table} in this site.`)
  }
  return `runs/${encodeURIComponent(run.run)}/${table.table}/${series}`
}

/**
 * @param {any} columns
 * @param {number} at
 * @param {Estimate} type
 * @param {Note[]} notes
 * @returns {Cell}
 */
function cellAt(columns, at, type, notes) {
  const digits = type === 'rate' ? 2 : 1
  const value = (/** @type {string} */ name, scale = digits) => {
    const number = columns[name]?.[at]
    // Decimals are read as integers times 0.1, which is not exact.
    return number === null || number === undefined ? null : Math.round(Number(number) * 10 ** scale) / 10 ** scale
  }
  return {
    type, estimate: value('estimate'), lower: value('lower'), upper: value('upper'), known: value('known'),
    error: value('relative_error', 3), agencies: value('agencies', 0), reported: value('reported', 1),
    filled: value('filled', 3), imputed: value('imputed', 3), note: notes[columns.note[at]],
  }
}

/**
 * One cell of a table for several places.
 * @param {any} run
 * @param {Table} table
 * @param {string} series
 * @param {Place[]} places
 * @param {Row} row
 * @param {number} column
 * @param {Estimate} type
 * @returns {Promise<(Cell | null)[]>}
 */
export async function readCellOf(run, table, series, places, row, column, type) {
  return Promise.all(places.map(async (place) => (await readCells(run, table, series, place, column, type))(row)))
}

/**
 * Some agencies of a place, those with the most residents first.
 * @param {any} run
 * @param {Place} place
 * @param {number} page those before it are left out
 * @param {number} most agencies of a page
 * @param {boolean} isIncomplete only agencies that did not report all months
 * @returns {Promise<{rows: Record<string, any>[], page: number, n: number}>} `page`: the last one if there are fewer;
 *   `n`: agencies of all pages
 */
export async function readAgencies(run, place, page, most, isIncomplete) {
  const folder = `runs/${encodeURIComponent(run.run)}/agencies`
  if (!place.agencies) return { rows: [], page: 0, n: 0 }
  const [start, length] = place.agencies
  const rowsOfGroup = run.agencies_of_a_part
  const groupOf = (/** @type {number} */ at) => readGroup(folder, 'agencies', Math.floor(at / rowsOfGroup))
  let positions = Array.from({ length }, (_, number) => start + number)
  if (isIncomplete) {
    const months = await Promise.all(positions.map(async (at) => (await groupOf(at)).months[at % rowsOfGroup]))
    positions = positions.filter((_, number) => Number(months[number]) < MONTHS_PER_YEAR)
  }
  const shown = Math.max(0, Math.min(page, Math.ceil(positions.length / most) - 1))
  const rows = await Promise.all(positions.slice(shown * most, (shown + 1) * most).map(async (at) => {
    const columns = await groupOf(at)
    return Object.fromEntries(Object.keys(columns).filter((name) => name !== 'length').map((name) => [name, columns[name][at % rowsOfGroup]]))
  }))
  return { rows, page: shown, n: positions.length }
}

/**
 * Differences that were computed in advance, of one headline number.
 * @param {any} described what site.json says of them
 * @param {number} group
 */
export async function readDifferences(described, group) {
  const columns = await readGroup(`runs/${described.folder}`, described.file, group)
  return Array.from({ length: columns.length }, (_, at) =>
    Object.fromEntries(Object.keys(columns).filter((name) => name !== 'length').map((name) => [name, columns[name][at]])))
}
