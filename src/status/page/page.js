/* SPDX-License-Identifier: MIT */
// Keeps the page up to date: one stream of events, each of which has all that the page shows. Only
// text and attributes are ever set, so nothing that an event says can become markup.
'use strict';
(() => {
  const STATES = ['elsewhere', 'waiting', 'well', 'throttled', 'late', 'failing'];  // as in a cell
  const WELL = 2;
  const STALE_MS = 5000, GIVE_UP_MS = 15000, RETRY_MAX_MS = 15000;

  const byId = (id) => document.getElementById(id);
  const setText = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const setAttribute = (element, name, value) => {
    if (value === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  };
  const make = (name, attributes, text) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return element;
  };

  // --- figures and tables ---

  function showFigures(figures) {
    for (const element of document.querySelectorAll('[data-figure]'))
      setText(element, figures[element.dataset.figure]);
    setAttribute(document.body, 'data-tone', figures.tone);
    if (document.title !== figures.title) document.title = figures.title;
  }

  function showMeter(td, [percent, text]) {
    const meter = percent < 0 ? [] : [make('meter', { max: '100', value: String(percent) })];
    td.replaceChildren(...meter, text);
  }

  function showRow(tr, [state, ...cells], heads) {
    setAttribute(tr, 'data-s', state || null);
    cells.forEach((cell, i) => {
      const td = tr.cells[i] || tr.insertCell();
      if (heads[i].className) setAttribute(td, 'class', heads[i].className);
      if (typeof cell === 'string') setText(td, cell);
      else showMeter(td, cell);
    });
  }

  function showTable(body, rows) {
    const heads = body.parentNode.tHead.rows[0].cells;
    while (body.rows.length > rows.length) body.deleteRow(-1);
    rows.forEach((row, i) => showRow(body.rows[i] || body.insertRow(), row, heads));
  }

  function showTables(tables) {
    for (const body of document.querySelectorAll('[data-rows]'))
      showTable(body, tables[body.dataset.rows]);
    for (const part of document.querySelectorAll('[data-for]'))
      part.hidden = tables[part.dataset.for].length === 0;
  }

  // --- the grid; what stands in it is as page_cells.c has it ---

  const grid = byId('grid'), tip = byId('tip');
  let shape = '';             // of the grid that is there: its keys
  let at = { row: 1, cell: 1 };  // where the keyboard is in it

  const anchorAt = (row, cell) => grid.rows[row]?.cells[cell]?.querySelector('a');

  function addressOf(row, column) {
    const parts = [];
    if (row !== null) parts.push('row=' + encodeURIComponent(row));
    if (column !== null) parts.push('region=' + encodeURIComponent(column));
    return '?' + parts.join('&') + '#targets';
  }

  function makeHead(scope, row, column, label, more) {
    const th = make('th', { scope });
    th.append(make('a', { href: addressOf(row, column) }, label));
    if (more) th.append(make('small', {}, more));
    return th;
  }

  function makeGrid({ corner, columns, rows }) {
    const head = make('thead', {}), body = make('tbody', {}), top = make('tr', {});
    top.append(make('th', { scope: 'col' }, corner));
    for (const [key, label] of columns) top.append(makeHead('col', null, key, label));
    head.append(top);
    for (const [key, label, more, cells] of rows) {
      const tr = make('tr', {});
      tr.append(makeHead('row', key, null, label, more));
      cells.forEach((cell, i) => {
        const td = make('td', {});
        if (cell !== 0) td.append(make('a', { href: addressOf(key, columns[i][0]) }));
        tr.append(td);
      });
      body.append(tr);
    }
    const hadFocus = grid.contains(document.activeElement);
    grid.replaceChildren(head, body);
    settleKeyboard();
    if (hadFocus) anchorAt(at.row, at.cell)?.focus({ preventScroll: true });
  }

  function countsOf(cell) {
    if (Array.isArray(cell)) {
      return { states: cell.slice(0, STATES.length), incident: cell[STATES.length] };
    }
    const states = STATES.map(() => 0);
    states[WELL] = cell;
    return { states, incident: -1 };
  }

  function showCell(td, cell, place, event) {
    const { states, incident } = countsOf(cell);
    const all = states.reduce((sum, n) => sum + n);
    let worst = STATES.length - 1;
    while (!states[worst]) worst--;
    const told = STATES.map((name, i) => (states[i] ? states[i] + ' ' + name : ''));
    const cause = STATES[worst] === 'failing' && event.tables.incidents[incident];
    const reason = cause ? cause[1] : event.reasons[worst];
    const a = td.firstChild;
    setAttribute(td, 'data-s', STATES[worst]);
    setText(a, all > 1 ? String(states[worst]) : '');
    setAttribute(a, 'aria-label', [place, told.reverse().filter((s) => s).join(', '), reason]
      .filter((s) => s).join('\n'));
  }

  function showGrid(event) {
    const { columns, rows } = event.grid;
    const now = JSON.stringify([columns, rows.map(([key, label, more, cells]) =>
      [key, label, more, cells.map((cell) => cell !== 0)])]);
    if (now !== shape) {
      makeGrid(event.grid);
      showChoice();
    }
    shape = now;
    rows.forEach(([, label, , cells], r) => {
      const tr = grid.rows[r + 1];
      cells.forEach((cell, i) => {
        if (cell !== 0) showCell(tr.cells[i + 1], cell, label + ' in ' + columns[i][1], event);
      });
    });
    showTip();
  }

  function showChoice() {
    for (const a of grid.querySelectorAll('a'))
      setAttribute(a, 'aria-current', a.search === location.search && a.search ? 'true' : null);
    byId('all').hidden = !location.search;
  }

  // --- the keyboard in the grid: one tab stop, and arrows ---

  function settleKeyboard() {
    for (const a of grid.querySelectorAll('a')) {
      a.tabIndex = -1;
      if (a.title) a.setAttribute('aria-label', a.title);
      a.removeAttribute('title');
    }
    const stop = anchorAt(at.row, at.cell) || grid.querySelector('a');
    if (stop) stop.tabIndex = 0;
  }

  function moveTo(a) {
    const before = grid.querySelector('a[tabindex="0"]');
    if (before) before.tabIndex = -1;
    a.tabIndex = 0;
    at = { row: a.closest('tr').rowIndex, cell: a.parentNode.cellIndex };
  }

  // The next cell that way which has something in it.
  function walk(down, right) {
    let { row, cell } = at;
    do {
      row += down;
      cell += right;
    } while (grid.rows[row]?.cells[cell] && !anchorAt(row, cell));
    return anchorAt(row, cell);
  }

  function edge(row, cell, step) {
    while (grid.rows[row].cells[cell] && !anchorAt(row, cell)) cell += step;
    return anchorAt(row, cell);
  }

  const last = () => grid.rows[at.row].cells.length - 1;
  const KEYS = {
    ArrowDown: () => walk(1, 0),
    ArrowUp: () => walk(-1, 0),
    ArrowRight: () => walk(0, 1),
    ArrowLeft: () => walk(0, -1),
    Home: () => edge(at.row, 0, 1),
    End: () => edge(at.row, last(), -1),
  };

  grid.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') hideTip();
    if (!KEYS[e.key] || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    KEYS[e.key]()?.focus();
  });

  // --- the reason of a cell, where the pointer or the keyboard is ---

  let tipOf = null;

  function hideTip() {
    tipOf = null;
    tip.hidden = true;
  }

  function showTip() {
    if (tipOf && !tipOf.isConnected) hideTip();
    if (!tipOf) return;
    setText(tip, tipOf.getAttribute('aria-label'));
    tip.hidden = false;
    const cell = tipOf.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const below = cell.bottom + 6 + size.height < innerHeight;
    const left = Math.min(cell.left, document.documentElement.clientWidth - size.width - 8);
    tip.style.left = Math.max(8, left) + 'px';
    tip.style.top = (below ? cell.bottom + 6 : cell.top - size.height - 6) + 'px';
  }

  const pointAt = (e) => {
    const a = e.target.closest('a');
    if (a && e.type === 'focusin') moveTo(a);
    tipOf = a && a.hasAttribute('aria-label') ? a : null;
    if (tipOf) showTip();
    else hideTip();
  };
  for (const type of ['mouseover', 'focusin']) grid.addEventListener(type, pointAt);
  for (const type of ['mouseleave', 'focusout']) grid.addEventListener(type, hideTip);
  addEventListener('scroll', showTip, { passive: true, capture: true });

  // --- the connection ---

  const loaded = performance.now();
  let source = null, heardAt = loaded, openedAt = loaded, tries = 0, retry = 0;

  const seconds = (ms) => Math.round(ms / 1000) + ' s';

  function showLink() {
    const age = performance.now() - heardAt;
    const isLive = source !== null && tries === 0 && age < STALE_MS && heardAt !== loaded;
    const isNew = heardAt === loaded && tries === 0 && age < STALE_MS;
    setAttribute(document.documentElement, 'data-link', isLive ? 'live' : isNew ? 'new' : 'lost');
    const state = isLive ? 'Live' : isNew ? 'Connecting' : 'Not connected';
    setText(byId('link-state'), state + ' \u00b7');
    setText(byId('link-age'), state === 'Not connected' ?
      ' \u00b7 figures are ' + seconds(age) + ' old' : '');
  }

  function show(e) {
    const event = JSON.parse(e.data);
    heardAt = performance.now();
    tries = 0;
    showFigures(event.figures);
    showTables(event.tables);
    showGrid(event);
    showLink();
  }

  function connect() {
    clearTimeout(retry);
    if (source) source.close();
    openedAt = performance.now();
    source = new EventSource('events' + location.search);
    source.onmessage = show;
    source.onerror = lose;
  }

  // A browser tries again by itself only while the server answers as it should.
  function lose() {
    source.close();
    clearTimeout(retry);
    retry = setTimeout(connect, Math.min(1000 * 2 ** tries, RETRY_MAX_MS));
    tries++;
    showLink();
  }

  setInterval(() => {
    const now = performance.now();
    if (tries === 0 && now - Math.max(heardAt, openedAt) > GIVE_UP_MS) lose();
    showLink();
  }, 1000);

  // --- which targets are listed ---

  document.addEventListener('click', (e) => {
    const a = e.target.closest('#grid a, #all');
    if (!a || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    history.pushState(null, '', a.search ? a.search + a.hash : location.pathname);
    showChoice();
    connect();
    if (a.hash) byId('targets').scrollIntoView({ block: 'nearest' });
  });
  addEventListener('popstate', () => {
    showChoice();
    connect();
  });

  grid.setAttribute('role', 'grid');
  settleKeyboard();
  showChoice();
  showLink();
  connect();
})();
