// The sheet that shows one photo: what is on it, a box to draw, what the model sees, and what to ask next.

import * as api from './api.js';
import { boxEditor } from './box.js';
import { byFacet, byId, capital, count, describe, h, icon, plain, score } from './dom.js';
import { isUpload, photo as photoPart, sameBox } from './query.js';

const SHOWN_CANDIDATES = 3;

/**
 * @param limits of the server
 * @param actions {change(part, text), similar(part), add(part, weight), hide(id), filter(facet, word), asking()}
 */
export function photoSheet({ limits, actions }) {
  const sheet = byId('photo-sheet');
  const body = byId('photo-body');
  let looking = null;

  sheet.addEventListener('close', () => {
    looking?.abort();
    body.replaceChildren();
  });

  /**
   * @param photo {id, width, height, box, labels}; without width and height where its file is gone
   * @param hit the answer that it is, or null: {score, why, rank, how, gates}
   */
  function open(photo, hit) {
    const upload = isUpload(photo.id);
    const own = photo.box ?? null;
    const title = upload ? 'Your photo' : describe({ color: photo.labels?.color ?? [], category: photo.labels?.category ?? [] });
    const similarText = h('span', {}, upload ? 'Find similar' : 'More like this');
    const view = photo.width
      ? boxView(photo, own, upload, (box) => {
          similarText.textContent = box && !sameBox(box, own) ? 'More like this box' : upload ? 'Find similar' : 'More like this';
        })
      : lostView(photo);
    const part = () => photoPart(photo.id, sameBox(view.box(), own) ? null : view.box());
    const leave = (action) => () => {
      const asked = part();
      sheet.close();
      action(asked);
    };

    const similar = h(
      'button',
      { type: 'button', class: upload ? 'primary' : 'secondary', id: 'similar', on: { click: leave(actions.similar) } },
      icon('similar'),
      similarText,
    );
    const next = h(
      'div',
      { class: 'photo-actions' },
      similar,
      actions.asking()
        ? [
            button('plus', 'Add to the question', leave((asked) => actions.add(asked, 1))),
            button('minus', 'Not like this', leave((asked) => actions.add(asked, -1))),
          ]
        : null,
      hit ? button('hide', 'Hide', leave(() => actions.hide(photo.id))) : null,
    );
    const change = changeForm((text) => leave((asked) => actions.change(asked, text))());
    const right = h(
      'div',
      { class: 'photo-right' },
      hit ? explanation(hit) : null,
      upload ? [next, change] : [change, next],
      labelList(photo.labels, hit?.why ?? []),
      photo.width ? recognition(photo, part, view.label) : null,
    );

    byId('photo-title').textContent = title;
    body.replaceChildren(view.element, right);
    if (!sheet.open) {
      sheet.showModal();
    }
    body.scrollTop = 0;
    (upload ? similar : sheet.querySelector('[data-close]')).focus();
  }

  function changeForm(submit) {
    const wish = h('input', { id: 'wish', type: 'text', maxlength: 500, enterkeyhint: 'search', placeholder: 'with long sleeves, in red …' });
    const taken = (event) => {
      event.preventDefault();
      const text = wish.value.trim();
      if (text) {
        submit(text);
      } else {
        wish.focus();
      }
    };
    return h(
      'form',
      { class: 'inline-form', on: { submit: taken } },
      h('label', { for: 'wish' }, 'Like this, but …'),
      h('div', { class: 'inline-row' }, wish, h('button', { type: 'submit', class: 'primary' }, 'Search')),
    );
  }

  function explanation({ score: value, rank, why, how, gates }) {
    return h(
      'p',
      { class: 'explanation' },
      h('strong', { class: 'score' }, score(value)),
      ` · number ${rank.toLocaleString('en')}`,
      h('br'),
      how,
      gates ? ` (photo ${gates.image.toFixed(2)}, words ${gates.text.toFixed(2)})` : null,
      why.length ? [h('br'), 'Named by the question: ', h('span', { class: 'why' }, why.map(plain).join(', '))] : null,
    );
  }

  function labelList(labels, why) {
    const facets = Object.entries(labels ?? {})
      .filter(([, chosen]) => chosen.length)
      .sort(([a], [b]) => byFacet(a, b));
    if (!facets.length) {
      return null;
    }
    return h(
      'section',
      { class: 'labels', 'aria-label': 'Labels' },
      h(
        'dl',
        {},
        facets.map(([facet, chosen]) =>
          h(
            'div',
            {},
            h('dt', {}, capital(plain(facet))),
            chosen.map((word) =>
              h(
                'dd',
                {},
                h(
                  'button',
                  {
                    type: 'button',
                    class: 'label-word',
                    title: `Show only ${plain(word)}`,
                    on: {
                      click: () => {
                        sheet.close();
                        actions.filter(facet, word);
                      },
                    },
                  },
                  why.includes(word) ? icon('check') : null,
                  plain(word),
                ),
              ),
            ),
          ),
        ),
      ),
    );
  }

  function recognition(photo, part, label) {
    const asked = h('input', { id: 'asked-words', type: 'text', maxlength: 1000, placeholder: 'summery, office, puff sleeves' });
    const go = h('button', { type: 'submit', class: 'secondary' }, icon('eye'), 'Look');
    const seen = h('div', { class: 'seen', id: 'seen', 'aria-live': 'polite' });
    const look = async (event) => {
      event.preventDefault();
      const wanted = [...new Set(asked.value.split(/[,;\n]/).map((word) => word.trim()).filter(Boolean))];
      if (limits.words && wanted.length > limits.words) {
        seen.replaceChildren(h('p', { class: 'problem' }, `${limits.words} words at most; these are ${wanted.length}.`));
        return;
      }
      looking?.abort();
      looking = new AbortController();
      seen.setAttribute('aria-busy', 'true');
      seen.replaceChildren(h('div', { class: 'seen-wait' }, ...Array.from({ length: 6 }, () => h('span', { class: 'bone' }))));
      try {
        const { box } = part();
        const answer = await api.recognise(
          { id: photo.id, ...(box ? { box } : {}), ...(wanted.length ? { words: wanted } : {}) },
          looking.signal,
        );
        seen.replaceChildren(...sights(answer));
        label(tags(answer));
        seen.scrollIntoView({ block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
      } catch (error) {
        if (error.name !== 'AbortError') {
          seen.replaceChildren(h('p', { class: 'problem' }, retryText(error)));
        }
      } finally {
        seen.removeAttribute('aria-busy');
      }
    };
    return h(
      'section',
      { class: 'recognition', 'aria-labelledby': 'recognition-title' },
      h('h3', { id: 'recognition-title' }, 'What the model sees'),
      h(
        'form',
        { class: 'inline-form', id: 'look', on: { submit: look } },
        h('label', { for: 'asked-words' }, 'Words of your own to compare, with commas between', h('span', { class: 'optional' }, ' (optional)')),
        h('div', { class: 'inline-row' }, asked, go),
      ),
      seen,
    );
  }

  return { open, close: () => sheet.close() };
}

/**
 * A photo with its box and the tools for it.
 *
 * @param own the box that an indexed garment has, or null; without another one said, the server looks at it
 * @param changed is called with the box, or null, after every change
 */
function boxView(photo, own, upload, changed) {
  const size = { width: photo.width, height: photo.height };
  const editor = boxEditor({
    source: api.image(photo.id),
    size,
    alt: upload ? 'Your photo' : describe(photo.labels),
    box: own,
    changed: (box) => {
      render();
      changed(box);
    },
  });
  const drawText = h('span');
  const draw = button('box', drawText, () => {
    editor.begin();
    render();
  });
  const remove = button('close', 'Remove the box', () => {
    editor.remove();
    draw.focus();
  });
  const hint = h('p', { class: 'hint' });

  function render() {
    const box = editor.box();
    remove.hidden = !box;
    // A mouse takes hold of a box at once; fingers have to be told from scrolling.
    draw.hidden = Boolean(box) && (editor.takesTouch() || !matchMedia('(pointer: coarse)').matches);
    drawText.textContent = box ? 'Adjust the box' : 'Draw a box';
    hint.textContent = box ? 'Drag the box or its corners. Only what is inside is looked at.' : 'Drag over a garment to look at it alone.';
  }

  if (upload) {
    editor.takeTouch();
  }
  render();
  return {
    element: h('div', { class: 'photo-left' }, editor.element, h('div', { class: 'photo-tools' }, hint, draw, remove)),
    // The whole photo has to be said where the garment has a box of its own.
    box: () => editor.box() ?? (own ? { x: 0, y: 0, ...size } : null),
    label: editor.label,
  };
}

/** A photo whose file is gone. */
function lostView({ id, box, labels }) {
  const picture = h('img', { src: api.thumbnail(id), alt: describe(labels) });
  const hint = h('p', { class: 'hint' }, 'The photo is no longer where it was when it was indexed; only its small copy is left.');
  return {
    element: h('div', { class: 'photo-left' }, h('div', { class: 'stage lost' }, picture), hint),
    box: () => box ?? null,
  };
}

const retryText = (error) =>
  error.kind === 'busy' ? `${error.message} Try again in ${count(error.seconds, 'second')}.` : error.message;

/** The words that are written on the photo: those of the user's own that fit, or color and category. */
function tags({ groups, category, color }) {
  const own = groups.find((group) => group.name === 'words');
  const fitting = own?.candidates.filter(({ probability }) => probability >= 0.5) ?? [];
  return own ? fitting.map(({ word }) => word) : [color, category[0]?.word].filter(Boolean);
}

function sights({ groups, category, color, crop, region }) {
  const own = groups.filter((group) => group.name === 'words').map((group) => ({ ...group, title: 'Your words', note: 'Each by itself, beside the same text without it.' }));
  const trained = groups.filter((group) => group.name !== 'words');
  const all = [...own, ...(category.length ? [{ name: 'category', candidates: category }] : []), ...trained];
  return [
    h(
      'div',
      { class: 'views' },
      look(crop, 'Whole garment, from which the category is read'),
      look(region, 'Its region, from which the attributes are read'),
      color ? h('p', { class: 'color' }, 'Color of most of it: ', h('strong', {}, plain(color))) : null,
    ),
    ...all.map(group),
  ];
}

const look = (source, text) => (source ? h('figure', {}, h('img', { src: source, alt: '' }), h('figcaption', {}, text)) : null);

function group({ name, title, note, candidates }) {
  const heading = title ?? capital(plain(name));
  const rows = candidates.map(candidate);
  const shown = name === 'words' ? rows.length : SHOWN_CANDIDATES;
  rows.slice(shown).forEach((row) => (row.hidden = true));
  const more =
    rows.length > shown
      ? h(
          'button',
          {
            type: 'button',
            class: 'link',
            on: {
              click: (event) => {
                rows.forEach((row) => (row.hidden = false));
                event.currentTarget.remove();
              },
            },
          },
          `${rows.length - shown} more`,
        )
      : null;
  return h('section', { class: 'group', 'aria-label': heading }, h('h4', {}, heading), note ? h('p', { class: 'hint' }, note) : null, h('ul', {}, rows), more);
}

function candidate({ word, probability, cosine }) {
  const row = h(
    'li',
    { title: `probability ${probability.toFixed(3)}, cosine ${cosine.toFixed(3)}` },
    h('span', { class: 'group-word' }, plain(word)),
    h('span', { class: 'group-bar' }),
    h('span', { class: 'group-value' }, `${Math.round(100 * probability)} %`),
  );
  row.style.setProperty('--share', probability);
  return row;
}

function button(iconName, text, click) {
  return h('button', { type: 'button', class: 'quiet', on: { click } }, icon(iconName), text);
}
