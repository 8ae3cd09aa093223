// What is asked, as plain data, and its place in the address.
//
// part:  {text, weight} or {id, box, weight}; a box is {x, y, width, height} in pixels of the original photo, or null
// step:  {parts, change}; change is null or what shall be different from the only part, a photo
// query: {steps, filter, without}; the last step is asked, those before are the dialog's path;
//        filter is {facet: [word]}, without a list of ids

export const EMPTY = Object.freeze({ steps: [], filter: {}, without: [] });

/** The strengths that a part can have, weakest wish to strongest. */
export const WEIGHTS = [-2, -1, -0.5, 0.5, 1, 2];

export const words = (text, weight = 1) => ({ text, weight });
export const photo = (id, box = null, weight = 1) => ({ id, box, weight });
export const isPhoto = (part) => part.id !== undefined;
export const isUpload = (id) => id.startsWith('upload:');
export const lastStep = (query) => query.steps[query.steps.length - 1] ?? null;
export const sameBox = (a, b) =>
  a === b ||
  Boolean(a && b && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height);

/** A query with one more step. */
export const withStep = (query, step) => ({ ...query, steps: [...query.steps, step] });

/** A query with another last step. */
export const withLastStep = (query, step) => ({ ...query, steps: [...query.steps.slice(0, -1), step] });

/** A query in which a word of a facet is demanded or no longer is. */
export function withWord(query, facet, word, wanted) {
  const others = (query.filter[facet] ?? []).filter((w) => w !== word);
  const chosen = wanted ? [...others, word] : others;
  const filter = { ...query.filter };
  if (chosen.length) {
    filter[facet] = chosen;
  } else {
    delete filter[facet];
  }
  return { ...query, filter };
}

/** A query without a facet's words. */
export function withoutFacet(query, facet) {
  const filter = { ...query.filter };
  delete filter[facet];
  return { ...query, filter };
}

/** The next stronger or weaker weight. */
export function nextWeight(weight, direction) {
  const next = WEIGHTS.findIndex((w) => w >= weight) + direction;
  return WEIGHTS[Math.min(WEIGHTS.length - 1, Math.max(0, next))];
}

/** The body of a search. Photos that are asked with are no answers. */
export function request(query, offset, limit) {
  const { parts, change } = lastStep(query);
  const asked = parts.filter((part) => isPhoto(part) && !isUpload(part.id)).map((part) => part.id);
  const without = [...new Set([...query.without, ...asked])];
  const body = {
    parts: parts.map((part) => ({
      ...(isPhoto(part) ? { id: part.id } : { text: part.text }),
      ...(part.box ? { box: part.box } : {}),
      ...(part.weight === 1 ? {} : { weight: part.weight }),
    })),
    offset,
    limit,
    facets: offset === 0,
  };
  if (change) {
    body.change = change;
  }
  if (Object.keys(query.filter).length) {
    body.filter = { words: query.filter };
  }
  if (without.length) {
    body.without = without;
  }
  return body;
}

/** The part of the address after #, readable: words=red+dress&then=&photo=7&change=longer+sleeves&only.color=red */
export function encode(query) {
  const out = new URLSearchParams();
  query.steps.forEach((step, i) => {
    if (i > 0) {
      out.append('then', '');
    }
    for (const part of step.parts) {
      out.append(isPhoto(part) ? 'photo' : 'words', isPhoto(part) ? part.id : part.text);
      if (part.box) {
        out.append('box', [part.box.x, part.box.y, part.box.width, part.box.height].join(','));
      }
      if (part.weight !== 1) {
        out.append('weight', String(part.weight));
      }
    }
    if (step.change) {
      out.append('change', step.change);
    }
  });
  for (const [facet, chosen] of Object.entries(query.filter)) {
    chosen.forEach((word) => out.append(`only.${facet}`, word));
  }
  query.without.forEach((id) => out.append('hide', id));
  return out.toString();
}

/** Reads such an address. What no one can mean is left out: an address may have been cut or typed. */
export function decode(text) {
  const query = { steps: [], filter: {}, without: [] };
  let step = { parts: [], change: null };
  const close = () => {
    if (step.parts.length) {
      const composed = step.change && step.parts.length === 1 && isPhoto(step.parts[0]);
      query.steps.push({ parts: step.parts, change: composed ? step.change : null });
    }
    step = { parts: [], change: null };
  };
  for (const [key, value] of new URLSearchParams(text)) {
    const part = step.parts[step.parts.length - 1];
    if (key === 'then') {
      close();
    } else if (key === 'words' && value.trim()) {
      step.parts.push(words(value.trim()));
    } else if (key === 'photo' && value) {
      step.parts.push(photo(value));
    } else if (key === 'box' && part && isPhoto(part)) {
      part.box = decodeBox(value);
    } else if (key === 'weight' && part && WEIGHTS.includes(Number(value))) {
      part.weight = Number(value);
    } else if (key === 'change' && value.trim()) {
      step.change = value.trim();
    } else if (key.startsWith('only.') && value) {
      Object.assign(query, withWord(query, key.slice(5), value, true));
    } else if (key === 'hide' && value) {
      query.without.push(value);
    }
  }
  close();
  return query;
}

function decodeBox(text) {
  const numbers = text.split(',').map(Number);
  const [x, y, width, height] = numbers;
  const fits = numbers.length === 4 && numbers.every(Number.isInteger) && x >= 0 && y >= 0 && width > 0 && height > 0;
  return fits ? { x, y, width, height } : null;
}
