// The grid of results, which loads as one scrolls, and what is shown while there is none.

import * as api from './api.js';
import { byId, describe, h, icon, plain, score, wordsOf } from './dom.js';

const PAGE = 24;
const SKELETON_AFTER_MS = 120;
const SLOW_AFTER_MS = 3000;
const KEPT_ANSWERS = 30;

/**
 * @param ask gives the answer to (key, offset, limit, signal)
 * @param most results that the server gives to a question
 * @param acts {open(hit, rank), change(hit), similar(hit), add(hit, weight), hide(hit)}: what can be done with a result
 * @param shown is called with each first page
 * @param slow is called when a first page takes long, with a function that cancels
 * @param failed is called with what went wrong and a function that tries again
 */
export function resultGrid({ ask, most, acts, shown, slow, failed }) {
  const grid = byId('grid');
  const more = byId('more');
  const progress = byId('progress');
  const answers = new Map();
  let asked = null;
  let running = null;
  let timers = [];

  const sentinel = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        loadMore();
      }
    },
    { rootMargin: '600px 0px' },
  );

  /** Shows the answer to a question: a kept one at once, otherwise asked for. */
  async function show(question) {
    stop();
    asked = question;
    const kept = answers.get(question.key);
    if (kept) {
      fill(kept, question);
      return;
    }
    const mine = begin(true);
    try {
      const answer = await ask(question, 0, Math.min(PAGE, most), mine.signal);
      if (mine === running) {
        answer.ended = answer.hits.length < Math.min(PAGE, most);
        keep(question.key, answer);
        fill(answer, question);
      }
    } catch (error) {
      if (mine === running) {
        replace([]);
        failed(error, () => show(question));
      }
    } finally {
      end(mine);
    }
  }

  async function loadMore() {
    const answer = asked && answers.get(asked.key);
    if (!answer || running || answer.hits.length >= reachable(answer)) {
      return;
    }
    const question = asked;
    const mine = begin(false);
    const from = answer.hits.length;
    const bones = skeleton(Math.min(PAGE, reachable(answer) - from));
    grid.append(...bones);
    more.replaceChildren();
    try {
      const next = await ask(question, from, Math.min(PAGE, reachable(answer) - from), mine.signal);
      if (mine !== running) {
        return;
      }
      const known = new Set(answer.hits.map((hit) => hit.id));
      const fresh = next.hits.filter((hit) => !known.has(hit.id));
      answer.ended = next.hits.length < Math.min(PAGE, reachable(answer) - from);
      answer.hits.push(...fresh);
      bones.forEach((bone) => bone.remove());
      grid.append(...fresh.map((hit, i) => card(hit, from + i + 1, acts)));
      end(mine);
      foot(answer);
    } catch (error) {
      bones.forEach((bone) => bone.remove());
      if (mine === running) {
        end(mine);
        more.replaceChildren(
          h('p', { role: 'alert' }, error.message),
          h('button', { type: 'button', class: 'secondary', on: { click: loadMore } }, 'Try again'),
        );
      }
    }
  }

  function fill(answer, question) {
    grid.classList.remove('stale');
    replace(answer.hits.map((hit, i) => card(hit, i + 1, acts)));
    shown(answer, question);
    foot(answer);
  }

  function foot(answer) {
    const shownNow = answer.hits.length;
    sentinel.disconnect();
    if (!shownNow) {
      more.replaceChildren();
    } else if (shownNow < reachable(answer)) {
      more.replaceChildren(h('button', { type: 'button', class: 'secondary', on: { click: loadMore } }, 'Show more'));
      sentinel.observe(more);
    } else if (answer.total > shownNow && !answer.ended) {
      more.replaceChildren(h('p', {}, `These are the nearest ${shownNow.toLocaleString('en')}. Say more, or filter, to see others.`));
    } else {
      more.replaceChildren(h('p', {}, shownNow > PAGE / 4 ? 'That is all of them.' : ''));
    }
  }

  /** Where a result had the focus, the results' heading has it then. */
  function replace(cards) {
    const focused = grid.contains(document.activeElement);
    grid.replaceChildren(...cards);
    if (focused) {
      byId('results').focus({ preventScroll: true });
    }
  }

  const reachable = (answer) => (answer.ended ? answer.hits.length : Math.min(answer.total, most));

  function keep(key, answer) {
    answers.set(key, answer);
    if (answers.size > KEPT_ANSWERS) {
      answers.delete(answers.keys().next().value);
    }
  }

  function begin(first) {
    const mine = new AbortController();
    running = mine;
    grid.setAttribute('aria-busy', 'true');
    if (first) {
      more.replaceChildren();
      timers = [
        setTimeout(() => {
          progress.hidden = false;
          if (grid.querySelector('.card')) {
            grid.classList.add('stale');
          } else {
            replace(skeleton(PAGE / 2));
          }
        }, SKELETON_AFTER_MS),
        setTimeout(() => slow(cancel), SLOW_AFTER_MS),
      ];
    }
    return mine;
  }

  function end(mine) {
    if (mine === running) {
      running = null;
      timers.forEach(clearTimeout);
      progress.hidden = true;
      grid.classList.remove('stale');
      grid.removeAttribute('aria-busy');
    }
  }

  /** Gives up what is being asked for. */
  function stop() {
    running?.abort();
    if (running) {
      end(running);
    }
  }

  function cancel() {
    const question = asked;
    stop();
    replace([]);
    more.replaceChildren(
      h('p', {}, 'Cancelled.'),
      h('button', { type: 'button', class: 'secondary', on: { click: () => show(question) } }, 'Search again'),
    );
  }

  grid.addEventListener('keydown', (event) => {
    const own = event.target.closest('.card');
    if (!own || !event.target.matches('.card-photo') || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const cards = [...grid.querySelectorAll('.card')];
    const at = cards.indexOf(own);
    const columns = getComputedStyle(grid).gridTemplateColumns.split(' ').length;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns, ArrowDown: at + columns, Home: 0, End: cards.length - 1 }[event.key];
    const act = { c: 'change', s: 'similar', h: 'hide', '+': 'like', '-': 'unlike' }[event.key.toLowerCase()];
    if (to !== undefined) {
      event.preventDefault();
      cards[to]?.querySelector('.card-photo').focus();
    } else if (act) {
      event.preventDefault();
      own.querySelector(`[data-act="${act}"]`)?.click();
    }
  });

  return {
    show,
    stop,
    clear() {
      stop();
      asked = null;
      sentinel.disconnect();
      grid.replaceChildren();
      more.replaceChildren();
    },
    forget: () => answers.clear(),
  };
}

const skeleton = (n) =>
  Array.from({ length: n }, () =>
    h('li', { class: 'bones', 'aria-hidden': 'true' }, h('span', { class: 'bone tile' }), h('span', { class: 'bone line' }), h('span', { class: 'bone line short' })),
  );

function card(hit, rank, acts) {
  const name = describe(hit.labels);
  const picture = h('img', { src: api.thumbnail(hit.id), alt: '', loading: rank > 12 ? 'lazy' : 'eager', decoding: 'async' });
  picture.addEventListener('load', () => {
    // What is much wider or higher than a tile is shown whole, everything else fills it.
    const ratio = picture.naturalWidth / picture.naturalHeight;
    picture.classList.toggle('whole', ratio > 1.15 || ratio < 0.5);
    picture.classList.add('here');
  });
  picture.addEventListener('error', () => picture.replaceWith(h('span', { class: 'no-photo' }, 'The photo cannot be shown')));
  const element = h(
    'li',
    { class: 'card', data: { id: hit.id } },
    h(
      'div',
      { class: 'tile' },
      h(
        'button',
        {
          type: 'button',
          class: 'card-photo',
          'aria-label': `${rank}. ${name}, score ${score(hit.score)}`,
          on: { click: () => acts.open(hit, rank) },
        },
        picture,
      ),
      h(
        'div',
        { class: 'card-acts' },
        h('button', { type: 'button', class: 'act wide-act', data: { act: 'change' }, 'aria-label': `Change this: ${name}`, on: { click: () => acts.change(hit) } }, h('span', {}, 'Change', h('span', { class: 'wide-only' }, ' this'), '…')),
        act('similar', 'similar', `More like this: ${name}`, () => acts.similar(hit)),
        act('like', 'plus', `Also like this: ${name}`, () => acts.add(hit, 1)),
        act('unlike', 'minus', `Not like this: ${name}`, () => acts.add(hit, -1)),
        h('button', { type: 'button', hidden: true, data: { act: 'hide' }, on: { click: () => acts.hide(hit) } }),
      ),
    ),
    h('p', { class: 'card-text' }, h('span', { class: 'score', title: 'Score: cosine of question and garment' }, score(hit.score)), ...labelWords(hit)),
  );
  return element;
}

/** A garment's words in one line: those that the question names first, each with a check mark. */
function labelWords({ labels, why }) {
  const named = why.map((word) => h('span', { class: 'why' }, icon('check'), h('span', { class: 'unseen' }, 'matches: '), plain(word)));
  const others = wordsOf(labels).filter((word) => !why.includes(word));
  return [...named, others.length ? h('span', { class: 'others' }, others.map(plain).join(' · ')) : null];
}

const act = (name, iconName, text, click) =>
  h('button', { type: 'button', class: 'act', data: { act: name }, title: text.split(':')[0], 'aria-label': text, on: { click } }, icon(iconName));
