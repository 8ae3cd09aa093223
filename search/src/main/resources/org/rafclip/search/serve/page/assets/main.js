// The page: one query, kept in the address, and the parts that show and change it.

import * as api from './api.js';
import { askBox } from './ask.js';
import { announce, byFacet, byId, capital, count, describe, h, icon, picture, plain, score, toast } from './dom.js';
import { facetPanel } from './facets.js';
import { noticePlace } from './notice.js';
import { photoSheet } from './photo.js';
import * as q from './query.js';
import { resultGrid } from './results.js';

const READABLE = ['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/bmp'];

const notice = noticePlace(byId('notice'));
const photos = new Map();
let query = q.EMPTY;
let gallery = null;
let answered = null;
let parts = null;

const labelsOf = (id) => photos.get(id)?.labels;

/* ---- the query and the address ---- */

function go(next) {
  history.replaceState({ ...history.state, scroll: window.scrollY }, '');
  const address = q.encode(next);
  history.pushState({ query: next, depth: (history.state?.depth ?? 0) + 1 }, '', address ? `#${address}` : location.pathname);
  render(next);
  window.scrollTo(0, 0);
}

/** Asks; the same once more is no further step. */
function ask(step) {
  if (JSON.stringify(step) === JSON.stringify(q.lastStep(query))) {
    render(query);
  } else {
    go(q.withStep(query, step));
  }
}

const clear = () => go(q.EMPTY);

function undo() {
  if (history.state?.depth > 0) {
    history.back();
  } else if (query.steps.length > 1) {
    go({ ...query, steps: query.steps.slice(0, -1) });
  }
}

window.addEventListener('popstate', (event) => {
  render(event.state?.query ?? q.decode(location.hash.slice(1)), event.state?.scroll ?? 0);
});
history.scrollRestoration = 'manual';

/* ---- showing it ---- */

function render(next, scroll = 0) {
  query = next;
  const step = q.lastStep(query);
  notice.hide();
  parts.ask.show(step);
  byId('start').hidden = Boolean(step);
  byId('columns').hidden = !step;
  renderPath();
  document.title = step ? `${textOf(step)} – RaF-CLIP` : 'RaF-CLIP';
  if (!step) {
    parts.results.clear();
    return;
  }
  renderActive();
  parts.facets.render(answered?.facets ?? gallery.facets, query.filter);
  learn(query.steps.flatMap((s) => s.parts));
  parts.results.show({ key: JSON.stringify(q.request(query, 0, 1)), query, scroll });
}

function renderPath() {
  const { steps } = query;
  byId('path').hidden = !steps.length;
  byId('undo').disabled = !(history.state?.depth > 0) && steps.length < 2;
  byId('crumbs').replaceChildren(
    ...steps.map((step, i) => {
      const last = i === steps.length - 1;
      const crumb = h(
        'button',
        {
          type: 'button',
          class: 'crumb',
          'aria-current': last ? 'step' : null,
          'aria-label': textOf(step),
          on: { click: () => (last ? byId('words').focus() : go({ ...query, steps: steps.slice(0, i + 1) })) },
        },
        crumbContent(step),
      );
      return h('li', {}, i > 0 ? icon('next') : null, crumb);
    }),
  );
  byId('crumbs').lastElementChild?.scrollIntoView({ block: 'nearest', inline: 'end' });
}

function crumbContent({ parts: asked, change }) {
  const shown = asked.map((part) =>
    q.isPhoto(part)
      ? picture(api.thumbnail(part.id), { class: part.weight < 0 ? 'against' : '' })
      : h('span', { class: part.weight < 0 ? 'against' : '' }, part.text),
  );
  const text = change ? `but ${change}` : asked.length === 1 && q.isPhoto(asked[0]) ? 'similar' : null;
  return [...shown, text ? h('span', {}, text) : null];
}

/** A step in words. */
function textOf({ parts: asked, change }) {
  const names = asked.map((part) => {
    const name = q.isPhoto(part) ? (q.isUpload(part.id) ? 'your photo' : describe(labelsOf(part.id))) : part.text;
    return part.weight < 0 ? `not ${name}` : name;
  });
  const text = names.join(' + ');
  return change ? `${text}, but ${change}` : asked.length === 1 && q.isPhoto(asked[0]) ? `Similar to ${text}` : text;
}

function renderActive() {
  const words = Object.entries(query.filter).flatMap(([facet, chosen]) =>
    chosen.map((word) => removable(`${capital(plain(facet))}: ${plain(word)}`, () => go(q.withWord(query, facet, word, false)))),
  );
  const hidden = query.without.length
    ? [removable(`${query.without.length} hidden`, () => go({ ...query, without: [] }))]
    : [];
  const all = [...words, ...hidden];
  const list = byId('active');
  list.hidden = !all.length;
  list.replaceChildren(
    ...all,
    ...(all.length > 1
      ? [h('li', {}, h('button', { type: 'button', class: 'link', on: { click: () => go({ ...query, filter: {}, without: [] }) } }, 'Clear all'))]
      : []),
  );
  byId('open-filters-text').textContent = words.length ? `Filters (${words.length})` : 'Filters';
}

const removable = (text, remove) =>
  h('li', {}, h('button', { type: 'button', class: 'filter-chip', 'aria-label': `Remove filter ${text}`, on: { click: remove } }, text, icon('close')));

function shown(answer, { query: asked, scroll }) {
  answered = answer;
  answer.hits.forEach((hit) => photos.set(hit.id, hit));
  const filtered = Object.keys(asked.filter).length > 0;
  byId('results').replaceChildren(
    filtered ? `${answer.total.toLocaleString('en')} of ${count(gallery.photos, 'garment')}` : count(answer.total, 'garment'),
    answer.total > 1 ? h('span', { class: 'wide-only' }, ', nearest first') : '',
  );
  byId('how').hidden = false;
  byId('how').replaceChildren(...how(answer, q.lastStep(asked)));
  parts.facets.render(answer.facets ?? gallery.facets, asked.filter);
  byId('filters-done').textContent = `Show ${count(answer.total, 'garment')}`;
  if (answer.hits.length) {
    announce(`${count(answer.total, 'garment')}, the nearest has score ${score(answer.hits[0].score)}`);
  } else {
    nothingFound(answer, asked);
  }
  window.scrollTo(0, scroll);
}

const howLabel = ({ change }) => (change ? 'Composed by: ' : 'Compared with: ');

function how({ how: text, gates, tookMs }, step) {
  const said = h('p', {}, h('span', { class: 'how-label' }, howLabel(step)), text, h('span', { class: 'took' }, ` · ${Math.ceil(tookMs).toLocaleString('en')} ms`));
  if (!gates) {
    return [said];
  }
  const bar = h('span', { class: 'gate-bar', 'aria-hidden': 'true' });
  const all = Math.abs(gates.image) + Math.abs(gates.text);
  bar.style.setProperty('--image', all ? Math.abs(gates.image) / all : 0.5);
  return [said, h('p', { class: 'gates' }, h('span', {}, `photo ${gates.image.toFixed(2)}`), bar, h('span', {}, `words ${gates.text.toFixed(2)}`))];
}

function nothingFound({ facets }, asked) {
  const chosen = Object.entries(asked.filter);
  if (!gallery.photos) {
    notice.show('empty', 'Nothing is in this index yet', h('p', {}, 'Add photos to it, then search again.'));
    return;
  }
  // A facet is counted as if it were not filtered by, which is what there would be without it.
  const without = (facet) => facets?.find(({ name }) => name === facet)?.words.reduce((sum, w) => sum + w.count, 0) ?? 0;
  const loosen = chosen
    .map(([facet, words]) => ({ facet, words, most: without(facet) }))
    .filter(({ most }) => most > 0)
    .map(({ facet, words, most }) =>
      h(
        'button',
        { type: 'button', class: 'secondary', on: { click: () => go(q.withoutFacet(query, facet)) } },
        `Any ${plain(facet)}`,
        h('span', { class: 'loosen-detail' }, ` instead of ${words.map(plain).join(' or ')} · up to ${most.toLocaleString('en')}`),
      ),
    );
  const all = h('button', { type: 'button', class: loosen.length ? 'quiet' : 'secondary', on: { click: () => go({ ...query, filter: {}, without: [] }) } }, 'Clear all filters');
  notice.show(
    'empty',
    'No garment fits all of these filters',
    h('p', {}, loosen.length ? 'Together they leave nothing. Loosen one:' : 'Take them away, and the nearest garments are shown again.'),
    ...loosen,
    all,
  );
}

function slow(cancel) {
  byId('how').hidden = false;
  byId('how').replaceChildren(
    h('p', { role: 'status' }, 'Still looking. The first question after a start takes longest.'),
    h('button', { type: 'button', class: 'link', on: { click: cancel } }, 'Cancel'),
  );
}

function failed(error, retry) {
  byId('results').textContent = 'Results';
  byId('how').hidden = true;
  const { parts: asked } = q.lastStep(query);
  if (error.kind === 'gone' && asked.some((part) => q.isPhoto(part) && q.isUpload(part.id))) {
    const rest = asked.filter((part) => !q.isPhoto(part) || !q.isUpload(part.id));
    notice.show(
      'gone',
      'The uploaded photo is not here any more',
      h('p', {}, 'Photos that someone uploads are kept for a while only, and a link cannot bring them back. Choose the photo again and go on from there; everything else of this search is still here.'),
      h('button', { type: 'button', class: 'primary', on: { click: () => byId('pick').click() } }, 'Choose the photo again'),
      rest.length ? h('button', { type: 'button', class: 'secondary', on: { click: () => go(q.withLastStep(query, { parts: rest, change: null })) } }, 'Search without it') : null,
    );
    return;
  }
  notice.failure(error, retry, h('button', { type: 'button', class: 'secondary', on: { click: clear } }, 'Start over'));
}

/** Learns the labels of photos that a link names, for the names of chips and crumbs. */
async function learn(asked) {
  const unknown = [...new Set(asked.filter((part) => q.isPhoto(part) && !q.isUpload(part.id) && !photos.has(part.id)).map((part) => part.id))];
  const found = await Promise.all(unknown.map((id) => api.photo(id).catch(() => null)));
  const known = found.filter(Boolean);
  if (known.length) {
    known.forEach((photo) => photos.set(photo.id, photo));
    renderPath();
    parts.ask.relabel();
  }
}

/* ---- what people do ---- */

/** Adds a photo to what is asked, or asks for it. */
function add(part, weight) {
  const step = q.lastStep(query);
  const { id, box } = part;
  const added = q.photo(id, box, weight);
  if (!step) {
    ask({ parts: [added], change: null });
    return;
  }
  const before = step.change ? [...step.parts, q.words(step.change)] : step.parts;
  const others = before.filter((other) => other.id !== id || !q.sameBox(other.box, box));
  if (step.change) {
    toast('The change counts as words of its own now: photos and words are added by their weights.');
  }
  ask({ parts: [...others, added], change: null });
}

const hide = (id) => {
  go({ ...query, without: [...query.without, id] });
  toast('Hidden. Undo brings it back.');
};

function open(hit, rank) {
  parts.photo.open(hit, { ...hit, rank, how: howLabel(q.lastStep(query)) + answered.how, gates: answered.gates });
}

async function takeFiles(files) {
  const readable = files.filter(({ type }) => READABLE.includes(type));
  const other = files.find(({ type }) => !READABLE.includes(type));
  if (other) {
    const kind = other.type.startsWith('image/') ? other.type.slice(6).toUpperCase() : 'that kind of';
    toast(`${other.name}: ${kind} files cannot be read. Take a JPEG, PNG, WebP, GIF or BMP.`);
  }
  const large = readable.find(({ size }) => size > gallery.limits.uploadBytes);
  if (large) {
    toast(`${large.name} is larger than the ${Math.floor(gallery.limits.uploadBytes / 1048576)} MB that the server takes.`);
    return;
  }
  if (!readable.length) {
    return;
  }
  byId('progress').hidden = false;
  announce('Sending the photo');
  try {
    const taken = [];
    for (const file of readable) {
      taken.push({ labels: {}, box: null, ...(await api.upload(file)) });
    }
    byId('toast').classList.remove('shown');
    taken.forEach((photo) => photos.set(photo.id, photo));
    if (taken.length === 1) {
      parts.photo.open(taken[0], null);
    } else {
      const step = q.lastStep(query);
      const before = step && !step.change ? step.parts : [];
      ask({ parts: [...before, ...taken.map(({ id }) => q.photo(id))], change: null });
    }
  } catch (error) {
    toast(error.kind === 'busy' ? `The server is busy. Try again in ${count(error.seconds, 'second')}.` : `The photo was not taken: ${error.message}`, 10);
  } finally {
    byId('progress').hidden = true;
  }
}

async function copyLink() {
  const uploads = query.steps.some((step) => step.parts.some((part) => q.isPhoto(part) && q.isUpload(part.id)));
  const said = uploads ? 'Link copied. It works while the server keeps your photo; after that the photo has to be given again.' : 'Link copied.';
  try {
    await navigator.clipboard.writeText(location.href);
    toast(said);
  } catch {
    toast('The browser does not let this page copy. The link is in the address bar.');
  }
}

/* ---- putting it together ---- */

function wire() {
  const actions = {
    change: (part, text) => ask({ parts: [{ ...part, weight: 1 }], change: text }),
    similar: (part) => ask({ parts: [{ ...part, weight: 1 }], change: null }),
    add,
    hide,
    filter: (facet, word) => (q.lastStep(query) ? go(q.withWord(query, facet, word, true)) : ask({ parts: [q.words(plain(word))], change: null })),
    asking: () => Boolean(q.lastStep(query)),
  };
  parts = {
    ask: askBox({
      labelsOf,
      acts: {
        ask,
        reweigh: (step) => go(q.withLastStep(query, step)),
        clear,
        files: takeFiles,
        cancel: () => parts.ask.show(q.lastStep(query)),
      },
    }),
    facets: facetPanel({ order: [...gallery.facets].sort((a, b) => byFacet(a.name, b.name)), choose: (facet, word, wanted) => go(q.withWord(query, facet, word, wanted)) }),
    photo: photoSheet({ limits: gallery.limits, actions }),
    results: resultGrid({
      ask: ({ query: asked }, offset, limit, signal) => api.search(q.request(asked, offset, limit), signal),
      most: gallery.limits.results,
      acts: {
        open,
        change: (hit) => parts.ask.changeOf(q.photo(hit.id)),
        similar: (hit) => actions.similar(q.photo(hit.id)),
        add: (hit, weight) => add(q.photo(hit.id), weight),
        hide: (hit) => hide(hit.id),
      },
      shown,
      slow,
      failed,
    }),
  };
  byId('undo').addEventListener('click', undo);
  byId('link').addEventListener('click', copyLink);
  byId('home').addEventListener('click', (event) => {
    event.preventDefault();
    if (q.lastStep(query)) {
      clear();
    }
  });
  takeDrops();
  document.addEventListener('paste', (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) {
      event.preventDefault();
      takeFiles(files);
    }
  });
}

function takeDrops() {
  const veil = byId('drop');
  let own = false;
  let depth = 0;
  const carriesFiles = (event) => !own && event.dataTransfer.types.includes('Files');
  const leave = () => {
    depth = 0;
    veil.hidden = true;
  };
  document.addEventListener('dragstart', () => (own = true));
  document.addEventListener('dragend', () => (own = false));
  document.addEventListener('dragenter', (event) => {
    if (carriesFiles(event)) {
      depth += 1;
      veil.hidden = false;
    }
  });
  document.addEventListener('dragleave', (event) => {
    if (carriesFiles(event) && --depth <= 0) {
      leave();
    }
  });
  document.addEventListener('dragover', (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
    }
  });
  document.addEventListener('drop', (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      leave();
      parts.photo.close();
      takeFiles([...event.dataTransfer.files]);
    }
  });
}

function wireChrome() {
  byId('ask').addEventListener('submit', (event) => event.preventDefault());
  const dark = matchMedia('(prefers-color-scheme: dark)');
  byId('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const now = root.dataset.theme ?? (dark.matches ? 'dark' : 'light');
    const next = now === 'dark' ? 'light' : 'dark';
    root.dataset.theme = next;
    try {
      localStorage.setItem('rafclip-theme', next);
    } catch {
      // It holds until the page is left, then.
    }
    announce(`${capital(next)} colors`);
  });
  const bar = byId('ask-bar');
  new ResizeObserver(() => document.documentElement.style.setProperty('--bar', `${bar.offsetHeight}px`)).observe(bar);
  byId('help').addEventListener('click', () => byId('help-sheet').showModal());
  for (const sheet of document.querySelectorAll('dialog')) {
    sheet.addEventListener('click', (event) => {
      if (event.target === sheet || event.target.closest('[data-close]')) {
        sheet.close();
      }
    });
  }
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest('input:not([type=checkbox], [type=radio]), textarea');
    if (event.key === '/' && !typing && !document.querySelector('dialog[open]')) {
      event.preventDefault();
      byId('words').focus();
      byId('words').select();
    }
  });
}

function renderGallery() {
  byId('gallery').replaceChildren(
    h('strong', {}, gallery.name),
    ` · ${count(gallery.photos, 'garment')}`,
    h('span', { class: 'wide-only' }, ` · ${gallery.model}${gallery.composer ? ` with ${gallery.composer}` : ''}${gallery.predicted ? ' · labels are the model’s guesses' : ''}`),
  );
  if (!gallery.photos) {
    byId('lead').textContent = 'Nothing is in this index yet. Add photos to it, and they are found here.';
  }
  byId('suggestions').replaceChildren(
    h('li', {}, h('button', { type: 'button', class: 'suggestion with-photo', on: { click: () => byId('pick').click() } }, icon('photo'), 'A photo of yours')),
    ...gallery.suggestions.map((text) =>
      h('li', {}, h('button', { type: 'button', class: 'suggestion', on: { click: () => ask({ parts: [q.words(text)], change: null }) } }, text)),
    ),
  );
  byId('examples-title').hidden = !gallery.examples.length;
  byId('examples').replaceChildren(
    ...gallery.examples.map((id, i) =>
      h(
        'li',
        {},
        h(
          'button',
          { type: 'button', class: 'example', 'aria-label': `Find garments like example ${i + 1}`, on: { click: () => ask({ parts: [q.photo(id)], change: null }) } },
          h('img', { src: api.thumbnail(id), alt: '', on: { load: (event) => event.currentTarget.classList.add('here') } }),
        ),
      ),
    ),
  );
}

async function start() {
  try {
    gallery = await api.index();
  } catch (error) {
    byId('columns').hidden = false;
    notice.failure(error, start);
    return;
  }
  renderGallery();
  wire();
  render(history.state?.query ?? q.decode(location.hash.slice(1)), history.state?.scroll ?? 0);
  if (!q.lastStep(query) && matchMedia('(hover: hover)').matches) {
    parts.ask.focus();
  }
}

wireChrome();
start();
