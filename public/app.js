/** Enhances pages, which also work without scripts. */

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Times are shown in the reader's time zone and locale: relative for a week, unless marked as dates.

const WEEK = 7 * 24 * 60 * 60;
const UNITS = { day: 24 * 60 * 60, hour: 60 * 60, minute: 60 };
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

function showTime(element) {
  const moment = new Date(element.dateTime);
  const seconds = (moment - Date.now()) / 1000;
  const [unit, size] = Object.entries(UNITS).find(([, size]) => Math.abs(seconds) >= size) ?? [
    'second',
    Infinity,
  ];
  const isNear = Math.abs(seconds) < WEEK && element.dataset.date === undefined;
  element.textContent = isNear ? relative.format(Math.trunc(seconds / size), unit) : day.format(moment);
  element.title = exact.format(moment);
  element.lang = exact.resolvedOptions().locale;
}

setInterval(() => all('time').forEach(showTime), 60_000);

// Times are entered in the reader's time zone, or in UTC without scripts.

function useLocalTime(field) {
  const { offset } = field.form.elements;
  if (field.value && offset.value === '') {
    const moment = new Date(`${field.value}Z`);
    moment.setMinutes(moment.getMinutes() - moment.getTimezoneOffset());
    field.value = moment.toISOString().slice(0, 16);
  }
  const updateOffset = () => {
    offset.value = field.value ? new Date(field.value).getTimezoneOffset() : 0;
  };
  updateOffset();
  field.addEventListener('input', updateOffset);
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  document.getElementById(field.getAttribute('aria-describedby').split(' ')[0]).textContent =
    `In your time zone, ${timeZone}.`;
}

// Drafts are kept in the browser until the site has accepted them.

/** Returns undefined if the browser does not allow storage. Then no drafts are kept. */
function storage(name) {
  try {
    return globalThis[name];
  } catch {
    return undefined;
  }
}

const drafts = storage('localStorage');
const visit = storage('sessionStorage');
const [navigation] = performance.getEntriesByType('navigation');
const draftOf = (area) => `draft:${area.dataset.draft}:${location.pathname}`;
const sent = visit?.getItem('sent');
visit?.removeItem('sent');
// A redirect means that the text was accepted, unless it leads to the log-in page.
if (sent && navigation?.redirectCount > 0 && !location.pathname.startsWith('/auth/'))
  drafts?.removeItem(sent);

/** Keeps a text with the version that it is based on, to detect a newer one when it is saved. */
function keepDraft(area) {
  try {
    drafts?.setItem(draftOf(area), JSON.stringify([area.value, area.form.elements.version?.value]));
  } catch {} // The storage is full.
}

function restoreDraft(area) {
  const [draft, base] = JSON.parse(drafts?.getItem(draftOf(area)) ?? '[]');
  if (draft === undefined || draft.trim() === area.value.trim()) return;
  const saved = area.value;
  const { version } = area.form.elements;
  const newest = version?.value;
  area.value = draft;
  if (version) version.value = base;
  const note = document.createElement('p');
  note.className = 'message';
  note.role = 'status';
  note.append('Your unsaved text is back. ');
  const discard = document.createElement('button');
  discard.type = 'button';
  discard.className = 'link';
  discard.textContent = 'Discard it';
  discard.addEventListener('click', () => {
    drafts?.removeItem(draftOf(area));
    area.value = saved;
    if (version) version.value = newest;
    note.remove();
    area.focus();
  });
  note.append(discard);
  area.before(note);
}

let isUnsaved = false;

addEventListener('input', ({ target }) => {
  if (target.localName !== 'textarea') return;
  isUnsaved = target.value !== target.defaultValue;
  if (target.dataset.draft === undefined) return;
  if (isUnsaved) keepDraft(target);
  else drafts?.removeItem(draftOf(target));
});

addEventListener('beforeunload', (event) => {
  if (isUnsaved) event.preventDefault();
});

// Some forms are submitted without leaving the page. If that fails, they are submitted normally.

// A field named `action` would shadow the property.
const actionOf = (form) => form.getAttribute('action') ?? location.href;

addEventListener('submit', async (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || form.getAttribute('method') !== 'post') return;
  if (submitter?.dataset.passkey && !form.elements.credential.value) {
    event.preventDefault();
    return askForPasskey(form, submitter);
  }
  const isPreview = submitter?.name === 'preview';
  if (isPreview || form.dataset.swap) {
    event.preventDefault();
    try {
      await submitInPlace(form, submitter, isPreview ? showPreview : swap);
    } catch {
      submitNormally(form, submitter);
    }
    return;
  }
  if (form.ariaBusy) return event.preventDefault(); // Ignore a second click.
  form.ariaBusy = 'true';
  isUnsaved = false;
  const area = form.querySelector('[data-draft]');
  if (area) visit?.setItem('sent', draftOf(area));
  if (actionOf(form) === '/auth/logout') {
    for (const key of Object.keys(drafts ?? {})) if (key.startsWith('draft:')) drafts.removeItem(key);
  }
});

addEventListener('pageshow', () => {
  for (const form of all('form[aria-busy]')) form.ariaBusy = null;
  for (const field of all('[name="credential"]')) field.value = ''; // Each answer works once.
});

// A button with `data-passkey` fetches options from that address, asks the browser for a passkey, and submits it.

const PASSKEY_ERRORS = {
  InvalidStateError: 'This device already has a passkey for your account.',
  SecurityError: 'Passkeys only work at the address that this site has on the internet.',
};

async function askForPasskey(form, button) {
  document.getElementById('credential-error')?.remove();
  button.disabled = true;
  try {
    const answer = await answerOf(button.dataset.passkey);
    button.disabled = false;
    if (answer === undefined) return location.reload();
    form.elements.credential.value = JSON.stringify(answer);
    form.requestSubmit(button);
  } catch ({ name }) {
    button.disabled = false;
    const isSupported = globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON !== undefined;
    const fallback = isSupported
      ? 'No passkey was used. Please try again.'
      : 'This browser does not support passkeys.';
    const note = document.createElement('p');
    button.after(Object.assign(note, { id: 'credential-error', className: 'error', role: 'alert' }));
    note.textContent = PASSKEY_ERRORS[name] ?? fallback;
  }
}

/** Returns undefined if the password must be entered again first. */
async function answerOf(url) {
  const response = await fetch(url, { method: 'POST' });
  if (response.redirected) return undefined;
  if (!response.ok) throw new Error(response.statusText);
  const options = await response.json();
  return 'user' in options
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

async function submitInPlace(form, submitter, show) {
  const body = new URLSearchParams(new FormData(form, submitter));
  const response = await fetch(actionOf(form), { method: 'POST', body, headers: { accept: 'text/html' } });
  // If it is refused, submit it normally, to show the page with the reason.
  if (!response.ok && response.status !== 422) throw new Error(response.statusText);
  const page = await readPage(response);
  if (!show(form, page)) location.assign(response.url);
}

// The only place that parses HTML. It comes from this site, like the page itself.
const pages = globalThis.trustedTypes?.createPolicy('pages', { createHTML: (html) => html });

async function readPage(response) {
  const html = await response.text();
  return new DOMParser().parseFromString(pages?.createHTML(html) ?? html, 'text/html');
}

function submitNormally(form, submitter) {
  isUnsaved = false;
  if (submitter?.name) {
    const { name, value } = submitter;
    form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
  }
  HTMLFormElement.prototype.submit.call(form);
}

/** Replaces the element that the form names. Messages go into it, because the top of the page may be out of sight. */
function swap(form, page) {
  const older = document.getElementById(form.dataset.swap);
  const newer = page.getElementById(form.dataset.swap);
  if (!older || !newer) return false;
  for (const message of all('[data-flash]')) message.remove();
  newer.prepend(...all('[data-flash]', page));
  older.replaceWith(newer);
  enhance(newer);
  newer.querySelector('button')?.focus();
  return true;
}

/** Shows the preview instead of the field, until the button is pressed again. */
function showPreview(form, page) {
  const preview = page.querySelector('.preview');
  const refused = page.querySelector(`form[action="${actionOf(form)}"]`);
  if (!preview && refused) {
    form.replaceWith(refused);
    enhance(refused);
  }
  refused?.querySelector('[autofocus]')?.focus();
  if (!preview) return Boolean(refused);
  const field = form.querySelector('.field:has(textarea)');
  const button = form.querySelector('[name="preview"]');
  const write = Object.assign(button.cloneNode(), { type: 'button', textContent: 'Write' });
  write.addEventListener('click', () => {
    preview.remove();
    field.hidden = false;
    write.replaceWith(button);
    field.querySelector('textarea').focus();
  });
  for (const older of all('.preview')) older.remove();
  field.before(preview);
  field.hidden = true;
  button.replaceWith(write);
  write.focus();
  return true;
}

// Images are chosen, pasted or dropped into a post's form, described in a dialog, uploaded, and inserted as Markdown.

const UPLOADING = '![Uploading…]()';

function addImageUpload(link) {
  const dialog = document.getElementById('add-image');
  const area = link.closest('form').querySelector('textarea');
  const form = dialog.querySelector('form');
  const { file, alt, decorative } = form.elements;
  const error = form.querySelector('[role="alert"]');
  let waiting = [];
  let isUploading = false;
  // Chromium loses it when the dialog closes.
  let selection = [];

  const showError = (message) => {
    error.textContent = message;
    error.hidden = message === '';
  };
  const requireText = () => {
    alt.disabled = decorative.checked;
    alt.required = !decorative.checked;
  };
  const ask = (field) => {
    requireText();
    selection = [area.selectionStart, area.selectionEnd];
    dialog.showModal();
    field.focus();
  };
  const askNext = () => {
    if (dialog.open || isUploading || waiting.length === 0) return;
    const chosen = new DataTransfer();
    chosen.items.add(waiting.shift());
    file.files = chosen.files;
    ask(alt);
  };
  const take = (event, { files, types }) => {
    const images = [...files].filter(({ type }) => type.startsWith('image/'));
    // A spreadsheet's cells are also on the clipboard as an image.
    if (images.length === 0 || types.includes('text/plain')) return;
    event.preventDefault();
    waiting.push(...images);
    askNext();
  };
  const insert = (text, start, end, cursor) => {
    area.setRangeText(text, start, end, cursor);
    area.dispatchEvent(new Event('input', { bubbles: true }));
  };

  // Until the reader chooses another place, images go to the end.
  area.setSelectionRange(area.value.length, area.value.length);
  const button = document.createElement('button');
  Object.assign(button, { type: 'button', className: 'secondary', textContent: link.textContent });
  link.replaceWith(button);
  button.addEventListener('click', () => isUploading || ask(file));
  area.addEventListener('paste', (event) => take(event, event.clipboardData));
  area.addEventListener('drop', (event) => take(event, event.dataTransfer));
  area.addEventListener('dragover', (event) => {
    if (event.dataTransfer.types.includes('Files')) event.preventDefault();
  });
  decorative.addEventListener('change', requireText);
  form.querySelector('[type="button"]').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    if (isUploading) return;
    waiting = [];
    area.setSelectionRange(...selection);
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = new FormData(form);
    isUploading = true;
    dialog.close();
    showError('');
    insert(UPLOADING, ...selection, 'end');
    area.setCustomValidity('Please wait until the image is uploaded.');
    const { markdown = '', message } = await upload(form.action, body);
    area.setCustomValidity('');
    const start = area.value.indexOf(UPLOADING);
    const end = start + UPLOADING.length;
    // `preserve` would select the Markdown if the cursor is still behind it.
    if (start !== -1) insert(markdown, start, end, area.selectionEnd === end ? 'end' : 'preserve');
    isUploading = false;
    if (message === undefined) form.reset();
    else {
      showError(message);
      ask(file);
    }
    askNext();
  });
}

/** Returns the image's Markdown, or a message. */
async function upload(action, body) {
  try {
    const response = await fetch(action, { method: 'POST', body, headers: { accept: 'application/json' } });
    return await response.json();
  } catch {
    return { message: 'The image could not be uploaded. Please try again.' };
  }
}

// Toolbar buttons insert Markdown around the selection or before its lines. Arrow keys move between them.

addEventListener('click', ({ target }) => {
  const tool = target.closest('.tools button');
  if (tool) format(tool.closest('.field').querySelector('textarea'), tool.dataset);
});

function format(area, { before = '', after = '', line, fence }) {
  area.focus();
  const { selectionEnd: end, value } = area;
  const start = line ? value.slice(0, area.selectionStart).lastIndexOf('\n') + 1 : area.selectionStart;
  const chosen = value.slice(start, end);
  const isBlock = fence && chosen.includes('\n');
  const [opening, closing] = isBlock ? [`${fence}\n`, `\n${fence}`] : [before, after];
  area.setSelectionRange(start, end);
  // Deprecated, but the only way that can be undone with Ctrl+Z.
  document.execCommand(
    'insertText',
    false,
    line ? chosen.replaceAll(/^/gm, line) : opening + chosen + closing,
  );
  if (!line) area.setSelectionRange(start + opening.length, end + opening.length);
}

addEventListener('keydown', (event) => {
  const tools = event.target.closest?.('.tools');
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!tools || !step) return;
  event.preventDefault();
  const buttons = [...tools.children];
  const next = buttons.at((buttons.indexOf(event.target) + step) % buttons.length);
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

// Ctrl+Enter or Command+Enter in a text field presses the first button of its form.

addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  const form = event.target.closest('.composer');
  if (!form || event.target.localName !== 'textarea') return;
  event.preventDefault();
  form.requestSubmit(form.querySelector(':scope > .actions button'));
});

// The writing page counts words, saves drafts on the site, and shows a preview beside the text on wide screens.

const SAVE_AFTER = 2_000;
const PREVIEW_AFTER = 1_500;
const isWide = matchMedia('(min-width: 64rem)');
const words = new Intl.Segmenter(undefined, { granularity: 'word' });

/** Debounces a function. */
function afterPause(milliseconds, run) {
  let timer;
  const ask = () => {
    clearTimeout(timer);
    timer = setTimeout(run, milliseconds);
  };
  return Object.assign(ask, { cancel: () => clearTimeout(timer) });
}

function startWriting(form) {
  const area = form.querySelector('textarea');
  const count = () => {
    const counted = [...words.segment(area.value)].filter(({ isWordLike }) => isWordLike).length;
    form.querySelector('.words').textContent = counted === 1 ? '1 word' : `${counted} words`;
  };
  for (const part of all('.tools, .tally', form)) part.hidden = false;
  count();
  form.addEventListener('input', afterPause(300, count));
  if (form.dataset.autosave) saveDrafts(form, area);
  previewBeside(form, area);
}

function saveDrafts(form, area) {
  const status = form.querySelector('.saved');
  let saving;
  const save = afterPause(SAVE_AFTER, async () => {
    if (saving) return save();
    const body = new URLSearchParams(new FormData(form));
    saving = send(body);
    status.textContent = await saving;
    saving = undefined;
  });
  const send = async (body) => {
    try {
      const response = await fetch(form.dataset.autosave, {
        method: 'POST',
        body,
        headers: { accept: 'application/json' },
      });
      if (response.redirected) return 'Not saved: you have been logged out. This browser keeps your text.';
      const { id, version, message } = await response.json();
      if (!response.ok) {
        // The author has to decide, on the page that the button “Save draft” leads to.
        if (response.status === 404 || response.status === 412) form.removeEventListener('input', save);
        return `Not saved: ${message} This browser keeps your text.`;
      }
      form.elements.draft.value = id;
      form.elements.version.value = version;
      area.defaultValue = body.get('body');
      isUnsaved = area.value !== area.defaultValue;
      drafts?.removeItem(draftOf(area));
      history.replaceState(null, '', `/drafts/${id}`);
      if (isUnsaved) keepDraft(area);
      return 'Saved';
    } catch {
      save();
      return 'Not saved yet. This browser keeps your text.';
    }
  };
  form.addEventListener('input', save);
  form.addEventListener('submit', (event) => {
    save.cancel();
    if (!saving) return;
    // The form has to be submitted with the version that is being saved.
    event.preventDefault();
    saving.then(() => form.requestSubmit(event.submitter));
  });
}

function previewBeside(form, area) {
  const button = form.querySelector('[name="preview"]');
  let shown = form.querySelector('.preview');
  let turn = 0;
  const refresh = async () => {
    if (!isWide.matches || area.value.trim() === '') return;
    turn += 1;
    const own = turn;
    await submitInPlace(form, button, (_form, page) => {
      const newer = page.querySelector('.preview');
      if (newer && own === turn) shown.replaceChildren(...newer.childNodes);
      return true;
    }).catch(() => {}); // The next pause tries again.
  };
  const place = () => {
    button.hidden = isWide.matches;
    if (!isWide.matches) return shown?.remove();
    shown ??= emptyPreview();
    shown.tabIndex = 0; // It scrolls.
    form.prepend(shown);
    refresh();
  };
  place();
  isWide.addEventListener('change', place);
  form.addEventListener('input', afterPause(PREVIEW_AFTER, refresh));
}

function emptyPreview() {
  const preview = Object.assign(document.createElement('section'), { className: 'preview' });
  preview.ariaLabel = 'Preview';
  preview.append(Object.assign(document.createElement('h2'), { textContent: 'Preview' }));
  return preview;
}

// A link with `data-form` shows the form of its page in the element that it names.

addEventListener('click', async (event) => {
  const link = event.target.closest('a[data-form]');
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const place = document.getElementById(link.dataset.form);
  const shown = place.querySelector('.composer');
  try {
    const page = await readPage(await fetch(link.href, { headers: { accept: 'text/html' } }));
    const form = page.querySelector('main .composer');
    const cancel = form.querySelector('.actions a');
    cancel.addEventListener('click', (click) => {
      click.preventDefault();
      form.remove();
      link.focus();
    });
    shown?.remove();
    place.append(form);
    enhance(form);
    form.querySelector('textarea').focus();
  } catch {
    location.assign(link.href);
  }
});

// A list completes a username while `@` and its beginning are typed.

const BEGINNING = /(?<![\p{L}\p{N}_&#@/])@([a-z][a-z0-9_.]{0,63})$/iu;
const PAUSE = 150;

/** The open list: its element, its field, and how many characters of the name have been typed. */
let names;
let typed = 0;

addEventListener('input', ({ target }) => {
  if (target.matches('textarea[data-draft]')) complete(target);
});

async function complete(area) {
  typed += 1;
  const turn = typed;
  const [, beginning] = BEGINNING.exec(area.value.slice(0, area.selectionStart)) ?? [];
  if (!beginning) return closeNames();
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  if (turn !== typed) return;
  const [, post = ''] = /^\/post\/(\d+)/.exec(actionOf(area.form)) ?? [];
  const people = await findNames(new URLSearchParams(post ? { q: beginning, post } : { q: beginning }));
  if (turn !== typed || document.activeElement !== area) return;
  closeNames();
  if (people.length > 0) openNames(area, beginning, people);
}

async function findNames(query) {
  try {
    const response = await fetch(`/people/complete?${query}`, { headers: { accept: 'application/json' } });
    return response.ok ? (await response.json()).people : [];
  } catch {
    return [];
  }
}

function openNames(area, { length }, people) {
  const list = Object.assign(document.createElement('ul'), {
    className: 'names',
    id: 'names',
    role: 'listbox',
  });
  list.ariaLabel = 'People';
  for (const [index, { username, name }] of people.entries()) {
    const option = Object.assign(document.createElement('li'), { id: `name-${index}`, role: 'option' });
    option.dataset.username = username;
    option.append(
      username,
      ' ',
      Object.assign(document.createElement('span'), { className: 'quiet', textContent: name }),
    );
    list.append(option);
  }
  list.addEventListener('pointerdown', (event) => event.preventDefault()); // The field keeps the focus.
  list.addEventListener('click', ({ target }) => chooseName(target.closest('li')));
  names = { list, area, length };
  area.setAttribute('aria-controls', 'names');
  area.ariaAutoComplete = 'list';
  area.after(list);
  selectName(0);
}

function closeNames() {
  names?.list.remove();
  for (const attribute of ['controls', 'autocomplete', 'activedescendant']) {
    names?.area.removeAttribute(`aria-${attribute}`);
  }
  names = undefined;
}

/** Selects an option by its index, which wraps around. */
function selectName(index) {
  const options = [...names.list.children];
  const selected = options.at(index % options.length);
  for (const option of options) option.ariaSelected = String(option === selected);
  names.area.setAttribute('aria-activedescendant', selected.id);
  selected.scrollIntoView({ block: 'nearest' });
}

function chooseName(option) {
  if (!option) return;
  const { area, length } = names;
  const end = area.selectionStart;
  area.setRangeText(`${option.dataset.username} `, end - length, end, 'end');
  closeNames();
  area.dispatchEvent(new Event('input', { bubbles: true }));
}

addEventListener('keydown', (event) => {
  if (names?.area !== event.target || event.isComposing || event.ctrlKey || event.metaKey || event.altKey)
    return;
  const options = [...names.list.children];
  const selected = options.findIndex(({ ariaSelected }) => ariaSelected === 'true');
  const act = {
    ArrowDown: () => selectName(selected + 1),
    ArrowUp: () => selectName(selected - 1),
    Enter: () => chooseName(options[selected]),
    Tab: () => chooseName(options[selected]),
    Escape: closeNames,
  }[event.key];
  if (!act || event.shiftKey) return;
  event.preventDefault();
  act();
});

addEventListener('focusout', ({ target }) => {
  if (names?.area === target) closeNames();
});

// Until an image has been processed, its address serves an SVG. Browsers that reveal the type fetch it again for a minute.

function pollImage(image, wait = 1_000) {
  const [fetched] = performance.getEntriesByName(image.currentSrc);
  if (fetched?.contentType !== 'image/svg+xml' || wait > 32_000) return;
  setTimeout(() => {
    const url = new URL(image.currentSrc);
    url.search = wait; // A page does not fetch the same address again.
    image.addEventListener('load', () => pollImage(image, 2 * wait), { once: true });
    image.removeAttribute('srcset');
    image.src = url;
  }, wait);
}

// An element with `data-refresh` is fetched again after that many milliseconds.

function refreshRegularly(element) {
  setTimeout(async () => {
    const newer = document.hidden ? undefined : await fetchAgain(element.id);
    if (newer === undefined || element.contains(document.activeElement)) return refreshRegularly(element);
    element.replaceWith(newer);
    enhance(newer);
  }, Number(element.dataset.refresh));
}

// An element with `data-live` is fetched again at each event from that address.

function refreshOnEvents({ id, dataset }) {
  let events;
  const refresh = async () => {
    const newer = await fetchAgain(id);
    const older = document.getElementById(id);
    if (!newer || older.contains(document.activeElement) || older.querySelector('.plot:hover')) return;
    for (const figure of all('figure:has([open])', older)) {
      const table = newer.querySelector(`#${figure.id} details`);
      if (table) table.open = true;
    }
    older.replaceWith(newer);
    enhance(newer);
  };
  const follow = () => {
    events?.close();
    if (document.hidden) return;
    events = new EventSource(dataset.live);
    events.addEventListener('message', refresh);
    events.addEventListener('stop', () => events.close());
  };
  setTimeout(() => {
    follow();
    document.addEventListener('visibilitychange', follow);
  }, 1_000);
}

// A chart shows the value that the pointer or the arrow keys select, from its table.

function enhanceChart(plot) {
  const figure = plot.closest('figure');
  const pointer = plot.querySelector('.pointer');
  const width = Number(pointer.getAttribute('width'));
  const heads = all('thead th', figure).map((head) => head.textContent);
  const rows = new Map(all('tbody tr', figure).map((row) => [Number(row.dataset.step), row]));
  const steps = Number(plot.dataset.steps);
  let chosen = steps;
  const choose = (step) => {
    chosen = Math.max(0, Math.min(steps - 1, step));
    pointer.setAttribute('x', chosen * width);
    pointer.setAttribute('visibility', 'visible');
    const cells = [...(rows.get(chosen)?.children ?? [])].map((cell) => cell.textContent);
    const parts = cells.slice(1).map((cell, index) => `${heads[index + 1]} ${cell}`);
    figure.querySelector('.value').textContent =
      cells.length > 0 ? `${cells[0]} UTC: ${parts.join(', ')}` : 'nothing';
  };
  plot.addEventListener('pointermove', ({ clientX }) => {
    const { left, width: across } = plot.querySelector('svg').getBoundingClientRect();
    choose(Math.floor(((clientX - left) / across) * steps));
  });
  plot.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(chosen + step);
  });
}

async function fetchAgain(id) {
  try {
    const response = await fetch(location.href, { headers: { accept: 'text/html' } });
    return response.ok ? ((await readPage(response)).getElementById(id) ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

// The bell's count is live while the page is visible.

const bell = document.querySelector('.bell');
let unread;

function watchUnread() {
  unread?.close();
  if (document.hidden) return;
  unread = new EventSource('/notifications/events');
  unread.addEventListener('message', ({ data }) => {
    const { count, label } = JSON.parse(data);
    bell.ariaLabel = label;
    bell.querySelector('.count').textContent = count;
  });
  unread.addEventListener('stop', () => unread.close());
}

// Not on pages that are left at once.
if (bell)
  setTimeout(() => {
    watchUnread();
    document.addEventListener('visibilitychange', watchUnread);
  }, 2_000);

// Texts have a button to copy them where the browser allows it: over HTTPS.

function addCopyButton(text) {
  const box = document.createElement('div');
  box.className = 'code';
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'secondary small';
  button.ariaLive = 'polite';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2_000);
  });
  text.replaceWith(box);
  box.append(text, button);
}

if (navigator.clipboard) all('[data-copy]').forEach(addCopyButton);

function enhance(root) {
  all('time', root).forEach(showTime);
  all('[data-draft]', root).forEach(restoreDraft);
  all('.writing [type="datetime-local"]', root).forEach(useLocalTime);
  all('.writing', root).forEach(startWriting);
  if (root.matches?.('.writing')) startWriting(root);
  if (root.dataset?.refresh !== undefined) refreshRegularly(root);
  all('[data-refresh]', root).forEach(refreshRegularly);
  all('.plot', root).forEach(enhanceChart);
  for (const image of all('img[src^="/images/"]', root)) {
    if (image.complete) pollImage(image);
    else image.addEventListener('load', () => pollImage(image), { once: true });
  }
}

enhance(document);
all('[data-add-image]').forEach(addImageUpload);
all('[data-live]').forEach(refreshOnEvents);
