/** How the control page looks, by day and by night. */
export const style = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; }
th { white-space: nowrap; }
td button { margin: 0 .25rem .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid #8885; overflow-wrap: anywhere; }
code { font: .85rem ui-monospace, monospace; }
button, input, select { font: inherit; padding: .15rem .5rem; }
label { margin-right: .75rem; }
:focus-visible { outline: 3px solid #0a9b50; outline-offset: 1px; }
#status { min-height: 1.5em; margin: 0; font-weight: 600; }
`;
