// A photo on which a box is drawn, moved and resized: by mouse, finger or keys.

import { announce, h, plain } from './dom.js';

const SMALLEST = 8;
const CORNERS = ['nw', 'ne', 'sw', 'se'];

/**
 * @param source address of the image
 * @param size {width, height} of the original photo, in whose pixels boxes are
 * @param box where it starts, or null
 * @param changed is called with the box, or null, after every change
 */
export function boxEditor({ source, size, alt, box, changed }) {
  const frame = h('div', { class: 'frame', tabindex: 0, role: 'group', hidden: true });
  const tag = h('span', { class: 'frame-tag', hidden: true });
  frame.append(...CORNERS.map((corner) => h('span', { class: `corner ${corner}`, data: { corner } })));
  const picture = h('img', { src: source, alt, draggable: 'false', width: size.width, height: size.height });
  const stage = h('div', { class: 'stage' }, picture, frame);
  stage.style.setProperty('--ratio', size.width / size.height);

  let current = null;
  let touchDraws = false;

  function place(next) {
    current = next;
    frame.hidden = !next;
    stage.classList.toggle('boxed', Boolean(next));
    if (next) {
      frame.style.left = `${(100 * next.x) / size.width}%`;
      frame.style.top = `${(100 * next.y) / size.height}%`;
      frame.style.width = `${(100 * next.width) / size.width}%`;
      frame.style.height = `${(100 * next.height) / size.height}%`;
      frame.setAttribute(
        'aria-label',
        `Box at ${next.x}, ${next.y}, ${next.width} wide, ${next.height} high. Arrow keys move it, with Shift they resize it, Delete removes it.`,
      );
    }
  }

  function change(next) {
    tag.hidden = true;
    place(next);
    changed(next);
  }

  /** Lets fingers draw, who can no longer scroll from here then. */
  function takeTouch() {
    touchDraws = true;
    stage.classList.add('drawing');
  }

  /** The box between two points, inside the photo and not too small. */
  function between(a, b) {
    const x = clamp(Math.round(Math.min(a.x, b.x)), 0, size.width - SMALLEST);
    const y = clamp(Math.round(Math.min(a.y, b.y)), 0, size.height - SMALLEST);
    return {
      x,
      y,
      width: clamp(Math.round(Math.max(a.x, b.x)) - x, SMALLEST, size.width - x),
      height: clamp(Math.round(Math.max(a.y, b.y)) - y, SMALLEST, size.height - y),
    };
  }

  const moved = (from, dx, dy) => ({
    ...from,
    x: clamp(Math.round(from.x + dx), 0, size.width - from.width),
    y: clamp(Math.round(from.y + dy), 0, size.height - from.height),
  });

  function pointOf(event) {
    const area = picture.getBoundingClientRect();
    return {
      x: ((event.clientX - area.left) * size.width) / area.width,
      y: ((event.clientY - area.top) * size.height) / area.height,
    };
  }

  stage.addEventListener('pointerdown', (event) => {
    const onFrame = event.target.closest('.frame');
    if (event.button !== 0 || (event.pointerType === 'touch' && !touchDraws)) {
      return;
    }
    event.preventDefault();
    const from = pointOf(event);
    const before = current;
    const corner = event.target.dataset.corner;
    let drawn = false;
    const follow = (e) => {
      const to = pointOf(e);
      drawn ||= Math.hypot(e.clientX - event.clientX, e.clientY - event.clientY) > 4;
      if (!drawn) {
        return;
      }
      if (corner) {
        change(between(opposite(before, corner), to));
      } else if (onFrame) {
        change(moved(before, to.x - from.x, to.y - from.y));
      } else {
        change(between(from, to));
      }
    };
    const end = () => {
      stage.removeEventListener('pointermove', follow);
      if (drawn) {
        frame.focus({ preventScroll: true });
      }
    };
    stage.setPointerCapture(event.pointerId);
    stage.addEventListener('pointermove', follow);
    stage.addEventListener('pointerup', end, { once: true });
    stage.addEventListener('pointercancel', end, { once: true });
  });

  frame.addEventListener('keydown', (event) => {
    const step = Math.max(1, Math.round(Math.max(size.width, size.height) / 60));
    const direction = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (direction) {
      event.preventDefault();
      const [dx, dy] = direction;
      const corner = { x: current.x + current.width + dx, y: current.y + current.height + dy };
      change(event.shiftKey ? between(current, corner) : moved(current, dx, dy));
      announce(`${current.x}, ${current.y}, ${current.width} by ${current.height}`);
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      event.preventDefault();
      change(null);
    }
  });

  place(box);
  return {
    element: stage,
    box: () => current,
    takesTouch: () => touchDraws,
    takeTouch,
    /** Begins a box for those without a mouse. */
    begin() {
      takeTouch();
      if (!current) {
        const { width, height } = size;
        change(between({ x: width * 0.2, y: height * 0.15 }, { x: width * 0.8, y: height * 0.85 }));
      }
      frame.focus({ preventScroll: true });
    },
    remove: () => change(null),
    /** Writes words on the box, or on the photo where there is none. */
    label(words) {
      (current ? frame : stage).append(tag);
      tag.replaceChildren(...words.map((word) => h('span', {}, plain(word))));
      tag.hidden = words.length === 0;
    },
  };
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

const opposite = (box, corner) => ({
  x: corner.includes('w') ? box.x + box.width : box.x,
  y: corner.includes('n') ? box.y + box.height : box.y,
});
