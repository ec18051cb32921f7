export const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#0a6}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;display:grid;grid-template-columns:17rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.5rem;border-right:1px solid var(--line);font-size:.9rem}
nav ul{list-style:none;margin:0 0 1rem;padding:0}
main{padding:1.5rem 2.5rem 6rem;max-width:62rem}
a{color:inherit}
h1{margin:0 0 1rem}
h2{margin:3rem 0 1rem;border-bottom:1px solid var(--line)}
h3{margin:2.5rem 0 .3rem}
h4{margin:1.2rem 0 .3rem}
code,pre{font:.88em/1.5 ui-monospace,monospace;background:var(--soft);border-radius:4px}
code{padding:.1em .3em}
pre{padding:.8rem 1rem;overflow:auto}
pre code{padding:0;background:none}
.call{font:.95rem ui-monospace,monospace}
.method{display:inline-block;min-width:4.2rem;font-weight:700;color:var(--accent)}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line)}
td p{margin:0}
@media(max-width:60rem){body{display:block}nav{position:static;height:auto;border:0}main{padding:1.5rem}}
`;
