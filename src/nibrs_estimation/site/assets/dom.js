/** Elements of a page. Texts become text nodes, so that markup in a name is shown as it is written. */

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes
 */

const SVG = 'http://www.w3.org/2000/svg'
const SVG_NAMES = new Set(['svg', 'path', 'g', 'pattern', 'line', 'rect', 'title', 'defs'])

/**
 * An element. A function as an attribute listens to the event of this name; false and null leave an attribute out.
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(name, attributes = {}, ...children) {
  const element = SVG_NAMES.has(name) ? document.createElementNS(SVG, name) : document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key, value)
    else if (value === true) element.setAttribute(key, '')
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value))
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false).map(asNode))
  return element
}

/** @param {any} child */
function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child))
}

/**
 * A choice among options as a labeled list.
 * @param {string} label
 * @param {{value: string, text: string}[]} options
 * @param {string} chosen
 * @param {(value: string) => void} choose
 * @param {string} [id]
 */
export function select(label, options, chosen, choose, id = idOf(label)) {
  return h('label', { class: 'control', for: id }, h('span', {}, label),
    h('select', { id, change: (event) => choose(event.target.value) },
      options.map((option) => h('option', { value: option.value, selected: option.value === chosen }, option.text))))
}

/**
 * A choice among a few options, all of them visible.
 * @param {string} label
 * @param {{value: string, text: string}[]} options
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
export function radios(label, options, chosen, choose) {
  const name = idOf(label)
  return h('fieldset', { class: 'control radios' }, h('legend', {}, label),
    options.map((option) => h('label', {},
      h('input', { type: 'radio', name, id: `${name}-${option.value}`, value: option.value, checked: option.value === chosen,
        change: () => choose(option.value) }), option.text)))
}

/**
 * A choice of yes or no.
 * @param {string} label
 * @param {boolean} chosen
 * @param {(value: boolean) => void} choose
 */
export function checkbox(label, chosen, choose) {
  return h('label', { class: 'control check' },
    h('input', { type: 'checkbox', id: idOf(label), checked: chosen, change: (event) => choose(event.target.checked) }), label)
}

/**
 * Several chosen items with a button to remove each, and a field to add one by its name.
 * @param {string} label
 * @param {{value: string, text: string, also?: string[]}[]} options `also`: other names, such as a postal code
 * @param {string[]} chosen
 * @param {(values: string[]) => void} choose
 * @param {(text: string) => string} why why there is no option of a name
 */
export function picker(label, options, chosen, choose, why) {
  const id = idOf(label)
  const byValue = new Map(options.map((option) => [option.value, option]))
  const said = h('span', { class: 'said', role: 'status' })
  const add = (event) => {
    const text = event.target.value.trim()
    if (!text) return
    const found = findOption(options, text)
    if (!found) {
      said.textContent = why(text)
      return
    }
    event.target.value = ''
    if (!chosen.includes(found.value)) choose([...chosen, found.value])
  }
  return h('div', { class: 'control picker' }, h('label', { for: id }, label),
    h('ul', { class: 'chips' }, chosen.map((value) => h('li', {}, byValue.get(value)?.text ?? value,
      h('button', { type: 'button', 'aria-label': `Remove ${byValue.get(value)?.text ?? value}`,
        click: () => choose(chosen.filter((other) => other !== value)) }, '×')))),
    h('input', { id, list: `${id}-list`, autocomplete: 'off', placeholder: 'Add …', change: add }),
    h('datalist', { id: `${id}-list` }, options.map((option) => h('option', { value: option.text }))), said)
}

/**
 * The option of a name: its whole name first, then another of its names, then a part of it.
 * @template {{value: string, text: string, also?: string[]}} T
 * @param {T[]} options
 * @param {string} text
 * @returns {T | undefined}
 */
export function findOption(options, text) {
  const word = text.trim().toLowerCase()
  return options.find((option) => option.text.toLowerCase() === word) ??
    options.find((option) => option.also?.some((name) => name.toLowerCase() === word)) ??
    options.find((option) => option.text.toLowerCase().includes(word))
}

/** @param {string} label */
export function idOf(label) {
  return label.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
}
