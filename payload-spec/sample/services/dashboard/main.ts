import { serve } from '../http.ts';
import { page } from './page.ts';

const reply = { status: 200, body: page, contentType: 'text/html; charset=utf-8' };

serve({
  'GET /': () => reply,
  'GET /index.html': () => reply,
  'GET /dashboard/live': () => ({ status: 200, body: { status: 'ok' } }),
});
