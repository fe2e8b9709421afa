# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style sheet of the HTML report: light, dark and print. Private to the collection."""

from __future__ import annotations

CSS = """
:root{color-scheme:light;--paper:#fff;--ground:#f5f5f2;--ink:#1c2024;--dim:#5d666f;--faint:#d9dcdf;--line:#e6e7e6;
--used:#2b5c8a;--free:#bcd3e8;--bind:#b35c00;--bindused:#8a4500;--bindfree:#f0cf9f;--error:#b3261e;--warning:#8a5a00;--good:#1e6b41;
--errorbg:#fbe9e7;--warningbg:#fcf1dc;--goodbg:#e5f3ea;--infobg:#ebeef1;--focus:#2b5c8a}
:root[data-theme=dark]{color-scheme:dark;--paper:#1b1f24;--ground:#14171a;--ink:#e6e8ea;--dim:#9aa4ae;--faint:#3a424a;
--line:#2a3037;--used:#7fb2e0;--free:#2d4a66;--bind:#f0a54a;--bindused:#f0a54a;--bindfree:#5f431d;--error:#ff8a80;--warning:#f0bf63;
--good:#7fd1a0;--errorbg:#3d1f1d;--warningbg:#3a2d14;--goodbg:#17321f;--infobg:#272d34;--focus:#7fb2e0}
@media(prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;--paper:#1b1f24;--ground:#14171a;--ink:#e6e8ea;
--dim:#9aa4ae;--faint:#3a424a;--line:#2a3037;--used:#7fb2e0;--free:#2d4a66;--bind:#f0a54a;--bindused:#f0a54a;--bindfree:#5f431d;
--error:#ff8a80;--warning:#f0bf63;--good:#7fd1a0;--errorbg:#3d1f1d;--warningbg:#3a2d14;--goodbg:#17321f;--infobg:#272d34;--focus:#7fb2e0}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:break-word}
main,header.top{max-width:1180px;margin:0 auto;padding:0 24px}
header.top{padding-top:32px;display:flex;gap:16px;align-items:flex-start}
header.top div{flex:1}
h1{font-size:26px;line-height:1.2;margin:0;letter-spacing:-.01em}
h2{font-size:17px;margin:36px 0 10px}
h3{font-size:13px;margin:22px 0 6px;color:var(--dim);font-weight:600;text-transform:none}
p{margin:0 0 6px}
a{color:inherit;text-decoration-color:var(--dim);text-underline-offset:2px}
code,.id{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.dim,small{color:var(--dim)}
small{font-size:13px}
button,input,select{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--faint);border-radius:6px;padding:6px 10px}
button{cursor:pointer}
:focus-visible{outline:2px solid var(--focus);outline-offset:1px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:20px 0 0;padding:0}
.tile{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:12px 16px}
.tile dt{color:var(--dim);font-size:13px}
.tile dd{margin:0;font-size:24px;line-height:1.3;font-weight:600}
.tile dd small{display:block;font-weight:400;font-size:13px;line-height:1.45}
.gate{margin:20px 0 0;padding:12px 16px;border-radius:8px;background:var(--errorbg);color:var(--error)}
.gate.ok{background:var(--goodbg);color:var(--good)}
.tools{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:36px 0 12px}
.tools h2{margin:0 12px 0 0}
.tools input{flex:1 1 220px;min-width:0}
.tools output{color:var(--dim);font-size:13px;min-width:92px;text-align:right}
.grid{display:grid;
grid-template-columns:minmax(150px,1.5fr) minmax(170px,2fr) minmax(170px,2fr) 96px 120px 16px;gap:6px 16px;align-items:center}
.heads{padding:0 16px 6px;font-size:13px;color:var(--dim)}
details.host{background:var(--paper);border:1px solid var(--line);border-radius:8px;margin:0 0 6px;content-visibility:auto;
contain-intrinsic-size:auto 60px}
details.host[open]{contain-intrinsic-size:auto 900px}
details.host>summary{list-style:none;cursor:pointer;padding:9px 16px;border-radius:8px}
details.host>summary::-webkit-details-marker{display:none}
details.host>summary:hover{background:var(--ground)}
details.host>summary::after{content:"";width:7px;height:7px;border:solid var(--dim);border-width:0 1.5px 1.5px 0;transform:rotate(-45deg);
justify-self:end}
details.host[open]>summary::after{transform:rotate(45deg)}
.name{font-weight:600}
.num{text-align:right;white-space:nowrap}
.cap{display:grid;grid-template-columns:1fr auto;gap:0 8px}
.cap b{font-weight:600;color:var(--ink)}
.cap span{color:var(--dim);font-size:13px}
svg.load{grid-column:1/-1;display:block;width:100%;height:5px;margin-top:3px}
.away{grid-column:2/-2;color:var(--error)}
.chip{display:inline-block;border-radius:999px;padding:0 8px;font-size:13px;line-height:20px;background:var(--infobg);white-space:nowrap}
.chip.error{background:var(--errorbg);color:var(--error)}
.chip.warning{background:var(--warningbg);color:var(--warning)}
.chip.good{background:var(--goodbg);color:var(--good)}
.body{padding:0 16px 18px;border-top:1px solid var(--line)}
.verdict{margin:14px 0 0;padding:8px 12px;border-radius:6px}
.verdict.error{background:var(--errorbg);color:var(--error)}
.verdict.warning{background:var(--warningbg);color:var(--warning)}
.verdict.good{background:var(--goodbg);color:var(--good)}
table{border-collapse:collapse;width:100%}
th,td{padding:4px 12px 4px 0;text-align:left;vertical-align:top;font-weight:400}
thead th{color:var(--dim);font-size:13px}
tbody tr+tr>*{border-top:1px solid var(--line)}
table.bounds{table-layout:fixed}
table.bounds tbody tr+tr>*{border-top:0}
table.bounds .c1{width:164px}table.bounds .c2{width:116px}table.bounds .c3{width:42%}
table.bounds td,table.bounds th{vertical-align:middle;padding-top:2px;padding-bottom:2px}
table.bounds th.num,table.bounds td.num,table.paths .num{text-align:right}
table.paths .wide:first-child{width:26%}
tr.binds th,tr.binds td.num{color:var(--bind);font-weight:600}
tr.binds th::before{content:"\\25B8\\00A0"}
svg.bar{display:block;width:100%;height:18px}
svg.axis{display:block;width:100%;height:18px}
.axis text{fill:var(--dim);font-size:11px}
.tick{stroke:var(--line);stroke-width:1}
.u{fill:var(--used)}.f{fill:var(--free)}
.binds .u{fill:var(--bindused)}.binds .f{fill:var(--bindfree)}
.load .f{fill:var(--line)}
.load.hot .u{fill:var(--error)}.load.warm .u{fill:var(--bind)}
.legend{font-size:13px;color:var(--dim);margin:6px 0 0}
.legend svg{width:10px;height:10px;margin:0 4px 0 12px;vertical-align:-1px}
.legend svg:first-child{margin-left:0}
ul.findings{list-style:none;margin:0;padding:0}
ul.findings li{display:grid;grid-template-columns:76px 1fr;gap:0 12px;padding:8px 0;border-top:1px solid var(--line)}
ul.findings li:first-child{border-top:0}
ul.findings li.gone{opacity:.72}
ul.findings p{margin:0}
.remedy::before{content:"\\2192  ";color:var(--dim)}
.wide,p,.note,.name,.away{overflow-wrap:anywhere}
table.fleet{background:var(--paper);border:1px solid var(--line);border-radius:8px;border-collapse:separate;border-spacing:0}
table.fleet th,table.fleet td{padding:5px 12px;white-space:nowrap;vertical-align:baseline}
table.fleet .wide{white-space:normal;width:99%}
table.fleet button{padding:0 8px;border-radius:999px;font-size:13px;line-height:20px}
.empty{padding:24px;text-align:center;color:var(--dim)}
footer{max-width:1180px;margin:40px auto 0;padding:16px 24px 40px;color:var(--dim);font-size:13px}
[hidden]{display:none!important}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media(max-width:820px){
main,header.top,footer{padding-left:14px;padding-right:14px}
.heads{display:none}
.grid{grid-template-columns:1fr 1fr 12px}
.grid>.name{grid-column:1/-2}.grid>.w{grid-column:1/2}.away{grid-column:1/-1}
details.host>summary::after{grid-row:1;grid-column:3}
table.bounds .c1{width:112px}table.bounds .c2{width:88px}table.bounds .c3{width:auto}table.bounds .c4{width:0}
table.bounds .note{display:none}
.cap::before{content:attr(data-l);grid-column:1/-1;color:var(--dim);font-size:13px}

table.stack thead{display:none}
table.stack tr{display:block;padding:6px 0}
table.stack td,table.stack th{display:inline-block;border:0!important;padding:0 12px 0 0}
table.stack .wide{display:block}
table.stack td[data-l]:not(:empty)::before{content:attr(data-l) " ";color:var(--dim);font-size:13px}
table.fleet td{white-space:normal;padding:0 12px 0 0}
table.fleet tr{padding:8px 12px}
.tools select,.tools button{flex:1 1 30%}
}
@media print{
:root,:root[data-theme=dark],:root:not([data-theme=light]){color-scheme:light;--paper:#fff;--ground:#fff;--ink:#000;--dim:#444;--faint:#999;
--line:#ccc;--used:#2b5c8a;--free:#bcd3e8;--bind:#8a4500;--bindused:#8a4500;--bindfree:#f0cf9f;--error:#8c1d18;--warning:#6b4600;
--good:#14502f;--errorbg:#fff;--warningbg:#fff;--goodbg:#fff;--infobg:#fff}
body{font-size:10.5pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}
main,header.top,footer{max-width:none;padding-left:0;padding-right:0}
.tools input,.tools select,.tools button,.tools output,#theme,table.fleet button{display:none}
.grid{grid-template-columns:1.4fr 1.8fr 1.8fr 84px 96px 0}
details.host{content-visibility:visible;break-inside:avoid}
details.host[open]{break-inside:auto}
ul.findings li,table.bounds,tr{break-inside:avoid}
}
"""
