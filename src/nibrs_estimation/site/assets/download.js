/** Downloads of a view as CSV, XLSX and Parquet. Texts stay texts: a name that begins as a formula is never computed. */

import { crc32 } from './crc32.js'
import { h } from './dom.js'

/** @typedef {Record<string, string | number | boolean | null>} Line */

/**
 * Buttons for the downloads of a view.
 * @param {() => {title: string, rows: Line[]}} make
 * @param {string} name of the file, without its ending
 */
export function downloads(make, name) {
  const button = (label, type, content) => h('button', {
    type: 'button', id: `download-${label.toLowerCase()}`,
    click: async () => save(`${name}.${label.toLowerCase()}`, type, await content(make())),
  }, label)
  return h('p', { class: 'downloads' }, 'Download: ',
    button('CSV', 'text/csv', ({ rows }) => csv(rows)), ' ',
    button('XLSX', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', ({ title, rows }) => xlsx(title, rows)), ' ',
    button('Parquet', 'application/vnd.apache.parquet', async ({ rows }) => parquet(rows)))
}

/** @param {string} name @param {string} type @param {BlobPart} content */
function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }))
  const link = h('a', { href: address, download: name })
  document.body.append(link)
  link.click()
  link.remove()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

/**
 * A program for spreadsheets computes a text that begins with one of = + - @, so such a text gets an apostrophe.
 * @param {string} text
 */
function safe(text) {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
}

/** @param {Line[]} rows */
export function csv(rows) {
  const names = Object.keys(rows[0] ?? {})
  const field = (value) => {
    if (value === null) return ''
    if (typeof value !== 'string') return String(value)
    const text = safe(value)
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [names.join(','), ...rows.map((row) => names.map((name) => field(row[name])).join(','))].join('\r\n') + '\r\n'
}

/** @param {Line[]} rows */
export async function parquet(rows) {
  const { parquetWriteBuffer } = await import('./vendor/hyparquet-writer.js')
  const names = Object.keys(rows[0] ?? {})
  const typeOf = (name) => {
    const value = rows.find((row) => row[name] !== null)?.[name]
    return typeof value === 'boolean' ? 'BOOLEAN' : typeof value === 'string' ? 'STRING' : 'DOUBLE'
  }
  return parquetWriteBuffer({
    columnData: names.map((name) => ({ name, type: typeOf(name), nullable: true, data: rows.map((row) => row[name]) })),
  })
}

/**
 * A workbook with one sheet. Texts are inline strings, which no program computes.
 * @param {string} title @param {Line[]} rows
 */
export function xlsx(title, rows) {
  const names = Object.keys(rows[0] ?? {})
  const cell = (value) => {
    if (value === null || value === '') return '<c/>'
    if (typeof value === 'number') return `<c><v>${value}</v></c>`
    if (typeof value === 'boolean') return `<c t="b"><v>${value ? 1 : 0}</v></c>`
    return `<c t="inlineStr"><is><t xml:space="preserve">${xml(value)}</t></is></c>`
  }
  const line = (values) => `<row>${values.map(cell).join('')}</row>`
  const sheet = `<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews><sheetData>${line(names)}${rows.map((row) => line(names.map((name) => row[name]))).join('')}</sheetData></worksheet>`
  const sheetName = xml(title.replace(/[\\/?*[\]:]/g, ' ').slice(0, 31))
  return zip({
    '[Content_Types].xml': `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="${OPEN}-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${OPEN}-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${OPEN}-officedocument.spreadsheetml.worksheet+xml"/></Types>`,
    '_rels/.rels': `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets><sheet name="${sheetName}" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
    'xl/worksheets/sheet1.xml': sheet,
  })
}

const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006'
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const OPEN = 'application/vnd.openxmlformats'

/** Text for XML, without characters that XML does not allow. @param {string} text */
function xml(text) {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/**
 * A zip file whose members are not compressed.
 * @param {Record<string, string>} members
 */
function zip(members) {
  const encoder = new TextEncoder()
  const parts = []
  const directory = []
  let offset = 0
  for (const [name, text] of Object.entries(members)) {
    const path = encoder.encode(name)
    const content = encoder.encode(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n${text}`)
    // Version 2.0, names in UTF-8, stored; January 1, 1980, the first day that zip knows.
    const common = [20, 0x0800, 0, 0, 0x21, ...halves(crc32(content)), ...halves(content.length), ...halves(content.length), path.length, 0]
    const header = bytesOf([0x4b50, 0x0403, ...common])
    directory.push(bytesOf([0x4b50, 0x0201, 20, ...common, 0, 0, 0, 0, 0, ...halves(offset)]), path)
    parts.push(header, path, content)
    offset += header.length + path.length + content.length
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0)
  const n = Object.keys(members).length
  const end = bytesOf([0x4b50, 0x0605, 0, 0, n, n, ...halves(size), ...halves(offset), 0])
  const all = new Uint8Array(offset + size + end.length)
  let at = 0
  for (const part of [...parts, ...directory, end]) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** A number of 32 bits as two of 16. @param {number} value */
function halves(value) {
  return [value & 0xffff, value >>> 16]
}

/** Numbers of 16 bits, the lower byte first. @param {number[]} values */
function bytesOf(values) {
  const view = new DataView(new ArrayBuffer(values.length * 2))
  values.forEach((value, at) => view.setUint16(at * 2, value, true))
  return new Uint8Array(view.buffer)
}
