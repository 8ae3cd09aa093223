// The search box: chips for photos and words, and a line whose words are the question, an addition to it, or what
// shall be different from its photo.

import * as api from './api.js';
import { byId, describe, h, icon, picture, signed } from './dom.js';
import { isPhoto, nextWeight, words as wordsPart } from './query.js';

const PROMPT = 'Describe what you look for';
const PROMPT_ADD = 'Add words, or a photo';
const PROMPT_CHANGE = 'longer, in red, floral …';

/**
 * @param labelsOf labels of a photo's id, as far as they are known
 * @param acts {ask(step), reweigh(step), clear(), files(files), cancel()}
 */
export function askBox({ labelsOf, acts }) {
  const form = byId('ask');
  const chips = byId('chips');
  const line = byId('words');
  const but = byId('but');
  const keepButton = byId('keep');
  const clearButton = byId('clear');
  const meaning = byId('meaning');
  const file = byId('file');
  let parts = [];
  let draft = false;
  let cameFrom = null;

  const single = () => parts.length === 1 && isPhoto(parts[0]);
  const changes = () => single() && form.elements.meaning.value === 'change';

  /** Shows the parts of a step. */
  function show(step) {
    draft = false;
    const plainWords = step?.parts.length === 1 && !isPhoto(step.parts[0]) && step.parts[0].weight === 1;
    parts = step && !plainWords ? step.parts : [];
    line.value = plainWords ? step.parts[0].text : (step?.change ?? '');
    form.elements.meaning.value = 'change';
    render();
  }

  /** Takes a photo that is to be changed; nothing is asked until the change is said. */
  function changeOf(part) {
    draft = true;
    cameFrom = document.activeElement;
    parts = [part];
    line.value = '';
    form.elements.meaning.value = 'change';
    render();
    line.focus();
  }

  function render() {
    chips.replaceChildren(...parts.map(chip));
    chips.hidden = !parts.length;
    meaning.hidden = !single();
    but.hidden = !changes();
    form.classList.toggle('changing', changes());
    line.placeholder = changes() ? PROMPT_CHANGE : parts.length ? PROMPT_ADD : PROMPT;
    byId('words-label').textContent = changes() ? 'What should be different from this photo' : line.placeholder;
    renderButtons();
  }

  function renderButtons() {
    keepButton.hidden = changes() || !line.value.trim();
    clearButton.hidden = !parts.length && !line.value;
  }

  function chip(part, at) {
    const name = isPhoto(part) ? describe(labelsOf(part.id)) : part.text;
    const weigh = (direction) => {
      const weight = nextWeight(part.weight, direction);
      if (weight !== part.weight) {
        apply(parts.with(at, { ...part, weight }), at, direction > 0 ? 'more' : 'less');
      }
    };
    const less = tool('minus', `Less like ${name}`, () => weigh(-1), 'less');
    const more = tool('plus', `More like ${name}`, () => weigh(1), 'more');
    const remove = tool('close', `Remove ${name}`, () => apply(parts.toSpliced(at, 1), Math.max(0, at - 1), 'remove'), 'remove');
    return h(
      'li',
      { class: `chip${part.weight < 0 ? ' against' : ''}`, 'aria-label': changes() ? name : `${name}, weight ${signed(part.weight)}` },
      isPhoto(part)
        ? picture(api.thumbnail(part.id), { class: 'chip-photo', alt: name, title: part.box ? `${name} (a box of it)` : name })
        : h('span', { class: 'chip-words' }, part.text),
      part.box ? h('span', { class: 'chip-box', title: 'Only a box of the photo' }, icon('box')) : null,
      changes() ? null : [less, h('span', { class: 'chip-weight' }, signed(part.weight)), more],
      remove,
    );
  }

  const tool = (name, text, click, act) =>
    h('button', { type: 'button', class: 'chip-tool', 'aria-label': text, title: text, data: { act }, on: { click } }, icon(name));

  /** Parts were changed by a chip's button: asks anew, and leaves the focus where it was. */
  function apply(next, focusAt, act) {
    parts = next;
    if (!parts.length) {
      (draft ? acts.cancel : acts.clear)();
    } else if (draft) {
      render();
    } else {
      acts.reweigh({ parts, change: null });
    }
    (chips.children[focusAt]?.querySelector(`[data-act="${act}"]`) ?? line).focus();
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const text = line.value.trim();
    if (changes() && text) {
      acts.ask({ parts: [{ ...parts[0], weight: 1 }], change: text });
    } else if (text) {
      acts.ask({ parts: [...parts, wordsPart(text)], change: null });
    } else if (parts.length) {
      acts.ask({ parts, change: null });
    } else {
      line.focus();
      return;
    }
    if (matchMedia('(hover: none)').matches) {
      line.blur();
    }
  });
  form.addEventListener('change', (event) => {
    if (event.target.name === 'meaning') {
      render();
      line.focus();
    }
  });
  line.addEventListener('input', renderButtons);
  line.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      event.preventDefault();
      const back = draft ? cameFrom : null;
      acts.cancel();
      back?.focus();
    } else if (event.key === 'Backspace' && !line.value && parts.length) {
      chips.lastElementChild.querySelector('[data-act="remove"]').focus();
    }
  });
  keepButton.addEventListener('click', () => {
    parts = [...parts, wordsPart(line.value.trim())];
    line.value = '';
    draft = true;
    render();
    line.focus();
  });
  clearButton.addEventListener('click', acts.clear);
  byId('pick').addEventListener('click', () => file.click());
  file.addEventListener('change', () => {
    acts.files([...file.files]);
    file.value = '';
  });

  return { show, changeOf, relabel: render, focus: () => line.focus() };
}
