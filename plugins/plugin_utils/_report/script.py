# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of the HTML report: search, filter, sort and the light or dark switch. The report is whole without it.

Private to the collection. The script only reads attributes and moves nodes: it never makes markup out of text.
"""

from __future__ import annotations

JS = """
(function () {
  'use strict';
  var root = document.documentElement, key = 'front-tier-theme';
  function byId(id) { return document.getElementById(id); }
  function keep(value) { try { localStorage.setItem(key, value); } catch (error) { /* a file may have no storage */ } }
  function kept() { try { return localStorage.getItem(key); } catch (error) { return null; } }
  function dark() {
    var set = root.getAttribute('data-theme');
    return set ? set === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  }
  function paint() { byId('theme').textContent = dark() ? 'Light' : 'Dark'; }
  var old = kept();
  if (old === 'dark' || old === 'light') { root.setAttribute('data-theme', old); }
  byId('theme').hidden = false;
  byId('theme').addEventListener('click', function () {
    root.setAttribute('data-theme', dark() ? 'light' : 'dark');
    keep(root.getAttribute('data-theme'));
    paint();
  });
  paint();

  var list = byId('hosts');
  var hosts = Array.prototype.slice.call(list.children);
  function number(node, name) { return Number(node.getAttribute('data-' + name)); }
  var orders = {
    urgent: function (a, b) { return number(a, 'place') - number(b, 'place'); },
    load: function (a, b) { return number(b, 'load') - number(a, 'load'); },
    least: function (a, b) { return number(a, 'least') - number(b, 'least'); },
    findings: function (a, b) { return number(b, 'e') - number(a, 'e') || number(b, 'w') - number(a, 'w'); },
    name: function (a, b) { return a.id.localeCompare(b.id, undefined, { numeric: true }); }
  };
  function wanted(node, words, show) {
    if (show === 'error' && !number(node, 'e')) { return false; }
    if (show === 'warning' && !number(node, 'e') && !number(node, 'w')) { return false; }
    if (show === 'short' && node.getAttribute('data-fits') !== 'no') { return false; }
    if (show === 'away' && node.getAttribute('data-state') === 'audited') { return false; }
    var text = node.getAttribute('data-find');
    return words.every(function (word) { return text.indexOf(word) >= 0; });
  }
  function filter() {
    var words = byId('search').value.toLowerCase().split(/\\s+/).filter(Boolean), show = byId('show').value, shown = 0;
    hosts.forEach(function (node) {
      var yes = wanted(node, words, show);
      node.hidden = !yes;
      shown += yes ? 1 : 0;
    });
    byId('count').textContent = shown === hosts.length ? hosts.length + ' hosts' : shown + ' of ' + hosts.length;
    byId('none').hidden = shown > 0;
  }
  function sort() {
    var order = orders[byId('sort').value] || orders.urgent;
    hosts.sort(function (a, b) { return order(a, b) || orders.urgent(a, b); });
    hosts.forEach(function (node) { list.appendChild(node); });
  }
  if (byId('search')) {
    byId('search').addEventListener('input', filter);
    byId('show').addEventListener('change', filter);
    byId('sort').addEventListener('change', sort);
    byId('open').addEventListener('click', function () {
      var shown = hosts.filter(function (node) { return !node.hidden; });
      var close = shown.some(function (node) { return node.open; });
      shown.forEach(function (node) { node.open = !close; });
    });
    Array.prototype.forEach.call(document.querySelectorAll('[data-words]'), function (node) {
      node.addEventListener('click', function () {
        byId('search').value = node.getAttribute('data-words');
        filter();
        byId('search').scrollIntoView();
      });
    });
    Array.prototype.forEach.call(document.querySelectorAll('[data-tool]'), function (node) { node.hidden = false; });
    filter();
  }
})();
"""
