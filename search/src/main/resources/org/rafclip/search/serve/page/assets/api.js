// The server's answers. Whatever goes wrong is a Failure that says what a user can do about it.

/** kind: 'busy' (try again in `seconds`), 'offline', 'slow', 'token', 'gone' (no such photo) or 'refused'. */
export class Failure extends Error {
  constructor(kind, message, seconds = 0) {
    super(message);
    this.kind = kind;
    this.seconds = seconds;
  }
}

const PATIENCE_MS = 120_000;

/** Photos that were uploaded from this page, to give them again when the server has dropped them. */
const uploaded = new Map();

async function call(path, options = {}) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience;
  let response;
  try {
    response = await fetch(path, { ...options, signal, credentials: 'same-origin' });
    if (response.ok) {
      return await response.json();
    }
  } catch (error) {
    if (options.signal?.aborted) {
      throw error;
    }
    if (patience.aborted) {
      throw new Failure('slow', 'The server took more than two minutes.');
    }
    throw new Failure('offline', 'The server cannot be reached.');
  }
  throw await failure(response);
}

async function failure(response) {
  let reason = `The server answered ${response.status}.`;
  try {
    reason = (await response.json()).error ?? reason;
  } catch {
    // Not from our server, perhaps from a proxy before it: its number has to do.
  }
  const seconds = Number(response.headers.get('Retry-After')) || 5;
  switch (response.status) {
    case 429:
    case 503:
      return new Failure('busy', reason, Math.min(seconds, 120));
    case 502:
    case 504:
      return new Failure('offline', reason);
    case 401:
      return new Failure('token', reason);
    case 404:
      return new Failure('gone', reason);
    default:
      return new Failure('refused', reason);
  }
}

const post = (path, body, signal) =>
  call(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), signal });

const photoPath = (id) => `api/photos/${encodeURIComponent(id)}`;

export const index = () => call('api/index');
export const healthy = () => call('healthz').then(() => true, () => false);
export const photo = (id) => call(photoPath(id));
export const thumbnail = (id) => `${photoPath(id)}/thumbnail`;
export const image = (id) => `${photoPath(id)}/image`;

export const search = (body, signal) => again(body.parts, () => post('api/search', body, signal));
export const recognise = (body, signal) => again([body], () => post('api/recognise', body, signal));

/** Uploads a photo; its id is made from its content. */
export async function upload(file) {
  const answer = await call('api/uploads', { method: 'POST', headers: { 'Content-Type': file.type }, body: file });
  uploaded.set(answer.id, file);
  return answer;
}

/** Asks; where an uploaded photo is gone, gives those that this page still has and asks once more. */
async function again(parts, ask) {
  try {
    return await ask();
  } catch (error) {
    const files = parts.map((part) => uploaded.get(part.id)).filter(Boolean);
    if (error.kind !== 'gone' || !files.length) {
      throw error;
    }
    for (const file of files) {
      await upload(file);
    }
    return ask();
  }
}
