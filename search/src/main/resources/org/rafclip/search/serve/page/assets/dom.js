// Elements, icons and the words for people that several parts of the page need.

const SVG = 'http://www.w3.org/2000/svg';

/** An element. `on` holds listeners, `data` data attributes; false and null leave an attribute out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'on') {
      Object.entries(value).forEach(([event, listener]) => element.addEventListener(event, listener));
    } else if (name === 'data') {
      Object.assign(element.dataset, value);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An icon of the page's sprite; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A small photo, decoration to its text; where it cannot be had, its icon. */
export function picture(source, attributes) {
  const image = h('img', { src: source, alt: '', ...attributes });
  image.addEventListener('error', () => image.replaceWith(h('span', { class: `${attributes.class} no-picture` }, icon('photo'))));
  return image;
}

export const byId = (id) => document.getElementById(id);

/** Words as people write them: sleeve_length is "sleeve length". */
export const plain = (word) => word.replaceAll('_', ' ');

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

export const score = (x) => (x < 0 ? '−' : '') + Math.abs(x).toFixed(3);

const SIGNED = new Map([[-2, '−2'], [-1, '−1'], [-0.5, '−½'], [0.5, '+½'], [1, '+1'], [2, '+2']]);
export const signed = (weight) => SIGNED.get(weight) ?? String(weight);

const FIRST = ['category', 'color'];

/** Facets in the order in which people think of them: category, color, the others by name. */
export function byFacet(a, b) {
  const place = (facet) => (FIRST.includes(facet) ? FIRST.indexOf(facet) : FIRST.length);
  return place(a) - place(b) || a.localeCompare(b);
}

/** The words of labels that are neither category nor color. */
const otherWords = (labels) =>
  Object.keys(labels)
    .filter((facet) => !FIRST.includes(facet))
    .sort(byFacet)
    .flatMap((facet) => labels[facet]);

/** A garment's words as one says them: color, category, the rest. */
export const wordsOf = (labels) => [...(labels.color ?? []), ...(labels.category ?? []), ...otherWords(labels)];

/** What a garment is, from its labels. */
export function describe(given) {
  const labels = given ?? {};
  const name = [...(labels.color ?? []), ...(labels.category ?? [])].map(plain).join(' ');
  const rest = otherWords(labels).map(plain).join(', ');
  return capital([name, rest].filter(Boolean).join(', ')) || 'Photo';
}

/** Says something to screen readers, without showing it. */
export function announce(text) {
  byId('announcer').textContent = text;
}

let toastTimer = 0;

/** Says something to everyone for a few seconds. */
export function toast(text, seconds = 6) {
  const place = byId('toast');
  place.textContent = text;
  place.classList.add('shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => place.classList.remove('shown'), seconds * 1000);
}
