// The filters: a group of words with counts for each facet.

import { byId, capital, h, plain } from './dom.js';

const SHOWN = 8;

/**
 * @param order the gallery's facets, whose words keep their places whatever the counts are
 * @param choose is called with facet, word and whether the word is wanted
 */
export function facetPanel({ order, choose }) {
  const panel = byId('facets');
  const side = byId('side');
  const sheet = byId('filters-sheet');
  const expanded = new Set();

  function render(facets, filter) {
    const focused = panel.contains(document.activeElement) ? document.activeElement.id : null;
    panel.replaceChildren(
      ...order
        .filter(({ words }) => words.length)
        .map(({ name, words }) => {
          const counts = new Map(facets.find((facet) => facet.name === name)?.words.map((w) => [w.word, w.count]));
          const counted = words.map(({ word }) => ({ word, count: counts.get(word) ?? 0 }));
          return group({ name, words: counted }, filter[name] ?? []);
        }),
    );
    if (focused) {
      document.getElementById(focused)?.focus({ preventScroll: true });
    }
  }

  function group({ name, words }, chosen) {
    const missing = chosen.filter((word) => !words.some((w) => w.word === word)).map((word) => ({ word, count: 0 }));
    const all = [...words, ...missing];
    const rows = all.map(({ word, count }, i) => row(name, word, count, chosen.includes(word), i));
    const folds = !expanded.has(name) && all.length > SHOWN + 2;
    if (folds) {
      rows.forEach((r, i) => (r.hidden = i >= SHOWN && !chosen.includes(all[i].word)));
    }
    const hidden = rows.filter((r) => r.hidden).length;
    const more = hidden
      ? h(
          'button',
          {
            type: 'button',
            class: 'link',
            on: {
              click: (event) => {
                expanded.add(name);
                rows.forEach((r) => (r.hidden = false));
                rows[SHOWN].querySelector('input').focus();
                event.currentTarget.remove();
              },
            },
          },
          `${hidden} more`,
        )
      : null;
    return h('fieldset', { class: 'facet' }, h('legend', {}, capital(plain(name))), rows, more);
  }

  function row(facet, word, number, checked, i) {
    const box = h('input', {
      type: 'checkbox',
      id: `facet-${encodeURIComponent(facet)}-${i}`,
      on: { change: (event) => choose(facet, word, event.currentTarget.checked) },
      data: { facet, word },
    });
    box.checked = checked;
    return h(
      'label',
      { class: `facet-row${number || checked ? '' : ' none'}` },
      box,
      h('span', { class: 'facet-word' }, plain(word)),
      h('span', { class: 'facet-count' }, number.toLocaleString('en')),
    );
  }

  byId('open-filters').addEventListener('click', () => {
    byId('filters-body').append(panel);
    sheet.showModal();
  });
  sheet.addEventListener('close', () => side.append(panel));

  return { render };
}
