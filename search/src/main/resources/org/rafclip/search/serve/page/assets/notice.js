// What is shown where results would be: that nothing was found, or what went wrong, and what to do about it.

import * as api from './api.js';
import { h } from './dom.js';

const POLL_MS = 3000;

/** A place for one notice at a time. */
export function noticePlace(place) {
  let timer = 0;

  function hide() {
    clearInterval(timer);
    place.hidden = true;
    place.replaceChildren();
  }

  function show(kind, title, body, ...actions) {
    hide();
    place.dataset.kind = kind;
    place.hidden = false;
    place.append(
      h('div', { class: 'notice-text', role: kind === 'empty' ? 'status' : 'alert' }, h('h2', {}, title), body),
      h('div', { class: 'notice-acts' }, actions),
    );
  }

  /** Shows a failure. Where time alone may mend it, it is tried again without being asked. */
  function failure(error, retry, ...actions) {
    const again = () => {
      hide();
      retry();
    };
    const now = h('button', { type: 'button', class: 'secondary', on: { click: again } }, 'Try again now');
    if (error.kind === 'busy') {
      countdown(error, again, now);
    } else if (error.kind === 'offline') {
      show('offline', 'The server cannot be reached', h('p', {}, 'It may have been stopped, or the network is down. This page goes on by itself as soon as it answers.'), now);
      timer = setInterval(async () => {
        if (await api.healthy()) {
          again();
        }
      }, POLL_MS);
    } else if (error.kind === 'token') {
      show('token', 'This server wants to know you', h('p', {}, 'Open the address that it printed when it was started: the one with ', h('code', {}, '?token='), ' in it.'), now);
    } else if (error.kind === 'slow') {
      show('slow', 'That took too long', h('p', {}, error.message), now);
    } else {
      show('refused', 'That could not be answered', h('p', {}, sentence(error.message)), ...actions);
    }
  }

  function countdown(error, again, now) {
    let left = error.seconds;
    const seconds = h('span', { class: 'countdown', 'aria-hidden': 'true' }, String(left));
    const wait = h('button', { type: 'button', class: 'quiet' }, 'Stop trying');
    show(
      'busy',
      'The server is busy',
      h('p', {}, 'It answers others first. ', h('span', { class: 'unseen' }, `Trying again in ${left} seconds.`), h('span', { 'aria-hidden': 'true' }, 'Trying again in ', seconds, ' s.')),
      now,
      wait,
    );
    wait.addEventListener('click', () => {
      clearInterval(timer);
      seconds.parentElement.textContent = 'Stopped.';
      wait.remove();
    });
    timer = setInterval(() => {
      left -= 1;
      seconds.textContent = String(left);
      if (left <= 0) {
        again();
      }
    }, 1000);
  }

  return { show, failure, hide };
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/[^.!?]$/, '$&.');
