import * as z from 'zod';
import { valuesPath } from './release-notes-schema.ts';

const dnsName = z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
const urlPath = z.string().startsWith('/');
const port = z.int().min(1).max(65535);

/** Something that product data say themselves, or the place where the operator's values file says it. */
function saidOrInValues<Shape extends z.ZodType>(shape: Shape) {
  const inValues = z.strictObject({
    values: valuesPath.describe('Keys from the root of the values file; an index for an item of a list.'),
    default: shape.optional().describe('What holds where the file says nothing.'),
  });
  return z.union([shape, inValues]);
}

/** Where the connection goes; without it to 127.0.0.1, where the cluster's ingress listens. */
const via = z.union([
  z.strictObject({
    address: saidOrInValues(z.union([z.ipv4(), z.ipv6()])).describe('An address of this host.'),
  }),
  z.strictObject({
    ingressClass: saidOrInValues(dnsName).describe(
      'The address that the controller of this class wrote into an Ingress of the namespace.',
    ),
  }),
  z.strictObject({
    service: saidOrInValues(dnsName).describe(
      'A Service of the namespace: its address and port as a LoadBalancer, an address of the node and the ' +
        "node port as a NodePort, else the cluster's own address. It passes by any ingress.",
    ),
  }),
]);

const certificate = z.union([
  z.literal('not-verified').describe('It is not verified, which each run records.'),
  z.strictObject({
    secret: saidOrInValues(dnsName).describe(
      'A Secret of the namespace: the certificate in its tls.crt, or one that its ca.crt has signed.',
    ),
  }),
  z.strictObject({
    caFile: saidOrInValues(z.string().regex(/^\/[^\0]*$/, 'an absolute path')).describe(
      'A file on the host with the certificates of those who may have signed it, in PEM.',
    ),
  }),
]);

/**
 * One request that shows whether a part of the product works: its name from the values, through the way that
 * clients take unless `via` says otherwise.
 */
export const healthRoute = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
    .describe('Gives the step ids `health_ID` and `upgrade_health_ID`.'),
  title: z.string(),
  path: z
    .union([
      urlPath,
      z.strictObject({
        values: valuesPath,
        default: urlPath.optional(),
        below: urlPath.optional().describe('What follows the path in the values, such as `/health`.'),
      }),
    ])
    .describe('The path that is asked for, in product data or in the values file.'),
  scheme: saidOrInValues(z.enum(['http', 'https']))
    .optional()
    .describe(
      'Default http. In the values `https`, `true`, or a list or mapping that is not empty (such as ' +
        '`ingress.tls`) is https.',
    ),
  host: saidOrInValues(z.string().regex(/^[A-Za-z0-9.:{}_-]{1,253}$/, 'a host name'))
    .optional()
    .describe('Default: what `values.keys.fqdn` says, which also stands for `{{fqdn}}` in it.'),
  port: saidOrInValues(port)
    .optional()
    .describe("Default 80, with https 443; with `via.service` the Service's only port."),
  via: via.optional().describe('Where the connection goes. Default 127.0.0.1.'),
  certificate: certificate.optional().describe('By what an https certificate is verified.'),
  expectStatus: z
    .int()
    .default(200)
    .describe('Redirects on the same host are followed first, unless this is one.'),
  expectText: z.string().min(1).optional().describe('A text that the answer has to contain.'),
  expectJson: z
    .strictObject({
      path: z.array(z.string().min(1)).min(1).describe('Keys; an index for an item of a list.'),
      equals: z.json(),
    })
    .optional()
    .describe('A field that the answer has to have, as JSON.'),
  selector: z
    .string()
    .regex(/^[A-Za-z0-9./_=,-]+$/)
    .describe('Pods to look at when the probe fails.'),
  timeoutSeconds: z.int().positive().default(120),
});
