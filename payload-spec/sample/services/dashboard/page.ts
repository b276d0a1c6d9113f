import { release } from '../release.ts';

/** The one page: what is installed, and the first wells as the backend gives them. */
export const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>IVAAP ${release.version}</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; }
      td, th { padding: 0.2rem 1rem 0.2rem 0; text-align: left; }
    </style>
  </head>
  <body>
    <h1>IVAAP ${release.version}</h1>
    <p id="count">Reading wells…</p>
    <table id="wells"></table>
    <script>
      const row = (cells, tag) => {
        const line = document.createElement('tr');
        for (const text of cells) line.appendChild(document.createElement(tag)).textContent = text;
        return line;
      };
      fetch('/backend/api/wells?limit=20')
        .then((response) => response.json())
        .then(({ count, wells }) => {
          document.getElementById('count').textContent = count + ' wells';
          const table = document.getElementById('wells');
          table.appendChild(row(['Well', 'Field', 'Operator', 'Depth'], 'th'));
          for (const { name, field, operator, depth } of wells)
            table.appendChild(row([name, field, operator, depth.value + ' ' + depth.unit], 'td'));
        })
        .catch((error) => (document.getElementById('count').textContent = 'The backend does not answer: ' + error));
    </script>
  </body>
</html>
`;
