/** Where a bundle has a kind of information: in files of these paths, where `says` is given in their text. */
interface Evidence {
  file: RegExp;
  says?: RegExp;
}

/** A kind of information that a support engineer asks for, whatever the files are called. */
export interface Kind {
  title: string;
  peer: readonly Evidence[];
  ours: readonly Evidence[];
  /** Why ours leaves out what the peer has; a kind that only the peer has must say it. */
  leftOut?: string;
}

const file = (pattern: RegExp, says?: RegExp): Evidence => ({ file: pattern, ...(says && { says }) });

/** The peer keeps each resource below its name, by namespace or in one file. */
const resource = (name: string, says?: RegExp) =>
  file(new RegExp(`^cluster-resources/${name}(?:/|\\.json$)`), says);
/** Output of a program that the peer was told to run on the host. */
const ran = (name: string) => file(new RegExp(`^host-collectors/run-host/${name}\\.txt$`));
const onHost = (name: string) => file(new RegExp(`^host-collectors/${name}`));

const objects = (kind: string) =>
  file(/^(cluster|pods)\/objects\.yaml$/, new RegExp(`^\\s*(?:- )?kind: ${kind}$`, 'm'));

export const kinds: readonly Kind[] = [
  {
    title: 'what is wrong, named',
    peer: [file(/^analysis\.json$/, /"severity": ?"(?:error|warn)/)],
    ours: [file(/^index\.html$/, /<ol class="faults">/)],
  },
  {
    title: "the product's pods and what makes them",
    peer: ['pods', 'deployments', 'replicasets', 'statefulsets', 'daemonsets', 'jobs'].map((name) =>
      resource(name, /"ivaap"/),
    ),
    ours: [objects('Pod'), objects('Deployment'), file(/^pods\/(?:pods|troubles)\.txt$/)],
  },
  {
    title: "events of the product's namespace",
    peer: [resource('events', /"ivaap"/)],
    ours: [file(/^pods\/events\.txt$/)],
  },
  {
    title: "logs of the product's containers",
    peer: [file(/^logs\/product\//), resource('pods/logs/ivaap')],
    ours: [file(/^pod-logs\/.*\.log$/)],
  },
  {
    title: 'the log of a container before it was started again',
    peer: [
      file(/^logs\/product\/.*-previous\.log$/),
      file(/^cluster-resources\/pods\/logs\/.*-previous\.log$/),
    ],
    ours: [file(/^pod-logs\/.*\.previous\.log$/)],
  },
  {
    title: "pods, events and logs of k3s' own namespace",
    peer: [file(/^logs\/k3s\//), resource('pods/kube-system'), resource('pods/logs/kube-system')],
    ours: [file(/^other-pods\//)],
  },
  {
    title: "definitions and logs of other people's pods",
    peer: [resource('pods/logs'), resource('pods', /"payroll"/)],
    ours: [],
    leftOut: 'they are not the product: a bundle that goes to its vendor names them and no more',
  },
  { title: 'namespaces', peer: [resource('namespaces')], ours: [objects('Namespace')] },
  {
    title: 'the node with its conditions and labels',
    peer: [resource('nodes')],
    ours: [objects('Node')],
  },
  {
    title: 'memory and processors that each pod uses',
    peer: [file(/^node-metrics\//)],
    ours: [file(/^usage\//)],
  },
  {
    title: 'volumes, claims and storage classes',
    peer: ['pvs', 'pvcs', 'storage-classes', 'volumeattachments'].map((name) => resource(name)),
    ours: ['PersistentVolume', 'PersistentVolumeClaim', 'StorageClass'].map(objects),
  },
  {
    title: 'services, endpoints and ingresses',
    peer: ['services', 'endpoints', 'endpointslices', 'ingress', 'ingress-classes'].map((name) =>
      resource(name),
    ),
    ours: ['Service', 'EndpointSlice', 'Ingress'].map(objects),
  },
  {
    title: 'quotas, limit ranges, network policies and disruption budgets',
    peer: ['resource-quota', 'limitranges', 'network-policy', 'pod-disruption-budgets'].map((name) =>
      resource(name),
    ),
    ours: ['ResourceQuota', 'LimitRange', 'NetworkPolicy', 'PodDisruptionBudget'].map(objects),
  },
  {
    title: 'webhooks that may refuse objects',
    peer: ['validating-webhook-configurations', 'mutating-webhook-configurations'].map((name) =>
      resource(name),
    ),
    ours: [objects('ValidatingWebhookConfiguration')],
  },
  { title: 'cron jobs', peer: [resource('cronjobs')], ours: [objects('CronJob')] },
  {
    title: 'which ConfigMaps there are, with their keys',
    peer: [resource('configmaps')],
    ours: [file(/^cluster\/keys\.txt$/, /^ConfigMap /m)],
  },
  {
    title: 'which Secrets there are, with their keys',
    peer: [file(/^secrets\//)],
    ours: [file(/^cluster\/keys\.txt$/, /^Secret /m)],
  },
  {
    title: 'contents of ConfigMaps',
    peer: [resource('configmaps', /"data":/)],
    ours: [],
    leftOut:
      "the chart makes them from the values, which are there; an administrator's own may hold anything",
  },
  {
    title: 'roles, bindings and service accounts',
    peer: [
      'roles',
      'rolebindings',
      'clusterroles',
      'clusterrolebindings',
      'serviceaccounts',
      'auth-cani-list',
      'certificatesigningrequests',
      'image-pull-secrets',
    ].map((name) => resource(name)),
    ours: [],
    leftOut:
      'the installer acts as the cluster’s administrator; what a pod was refused is in its log and in events',
  },
  {
    title: 'custom resources, API groups, leases and priority classes',
    peer: [
      'custom-resource-definitions',
      'custom-resources',
      'groups',
      'resources',
      'leases',
      'priorityclasses',
    ].map((name) => resource(name)),
    ours: [],
    leftOut:
      'megabytes on a cluster with operators; preflight names a kind that the chart needs and is not there',
  },
  {
    title: "the API server's version",
    peer: [file(/^cluster-info\/cluster_version\.json$/)],
    ours: [file(/^versions\/kubernetes\.txt$/, /v1\./)],
  },
  {
    title: 'whether the API server answers, seen from the host',
    peer: [onHost('http/')],
    ours: [file(/^bundle\.json$/)],
  },
  {
    title: "Helm's history and values",
    peer: [file(/^helm\/(?!errors)/)],
    ours: [file(/^helm\/(?:history\.txt|values-of-revision)/)],
  },
  {
    title: "the operator's values file",
    peer: [],
    ours: [file(/^helm\/(?:values-file|overlay)\.yaml$/)],
  },
  {
    title: "the installer's state, runs and what preflight measures now",
    peer: [],
    ours: [file(/^(?:state|status|run-logs|preflight)\//)],
  },
  {
    title: 'schema version and size of the database',
    peer: [],
    ours: [file(/^database\//)],
  },
  {
    title: 'whether the package is intact, and its version',
    peer: [],
    ours: [file(/^versions\/versions\.txt$/, /^payload: /m)],
  },
  {
    title: "containerd's containers, also when the API server is down",
    peer: [ran('crictl-ps')],
    ours: [file(/^images\/containers\.txt$/)],
  },
  {
    title: "containerd's images",
    peer: [ran('crictl-images')],
    ours: [file(/^images\/(?:names|as-kubelet-sees-them)\.txt$/)],
  },
  {
    title: 'which images of the release are missing, and which are pinned',
    peer: [],
    ours: [file(/^images\/of-this-release\.txt$/)],
  },
  {
    title: 'operating system and kernel',
    peer: [onHost('system/hostos_info'), ran('uname')],
    ours: [file(/^versions\/versions\.txt$/, /^kernel: /m)],
  },
  {
    title: 'processors and memory of the host',
    peer: [onHost('system/cpu'), onHost('system/memory'), ran('free')],
    ours: [file(/^disk\/memory\.txt$/)],
  },
  {
    title: 'room on disks, and mounts',
    peer: [onHost('diskUsage/'), ran('df'), ran('mount')],
    ours: [file(/^disk\/(?:room|mounts)\.txt$/)],
  },
  {
    title: 'block devices',
    peer: [onHost('system/block_devices'), ran('lsblk')],
    ours: [file(/^system\/block-devices\.txt$/)],
  },
  {
    title: 'the largest files of all disks',
    peer: [ran('du')],
    ours: [],
    leftOut: 'it reads whole disks for minutes; a full disk’s fault names the command',
  },
  {
    title: 'load, and the processes that make it',
    peer: [ran('top'), ran('uptime'), ran('ps-high-load')],
    ours: [file(/^system\/(?:load|processes)\.txt$/)],
  },
  {
    title: 'command lines of all processes',
    peer: [ran('ps-high-load')],
    ours: [],
    leftOut: 'arguments of other people’s programs hold secrets that nobody can recognize',
  },
  {
    title: 'what the kernel said of memory and disks',
    peer: [ran('dmesg')],
    ours: [file(/^kernel\//)],
  },
  {
    title: 'limits and settings of the kernel that pods meet',
    peer: [onHost('system/sysctl'), onHost('system/cgroups'), ran('apparmor')],
    ours: [file(/^system\/settings\.txt$/)],
  },
  {
    title: 'configuration and modules of the kernel',
    peer: [onHost('system/kernel-configs'), onHost('system/kernel_modules')],
    ours: [],
    leftOut: 'k3s checks them when it starts, and its messages are there',
  },
  {
    title: 'clock, time zone and whether it is synchronized',
    peer: [onHost('system/time')],
    ours: [file(/^system\/clock\.txt$/)],
  },
  {
    title: 'addresses, routes and names',
    peer: [
      ...['ip-address', 'ip-route', 'resolv-conf', 'nsswitch-conf', 'hosts'].map(ran),
      ...['system/ipv4Interfaces', 'dns/'].map(onHost),
    ],
    ours: [file(/^network\/(?:addresses|routes|hosts|resolv|nsswitch)/)],
  },
  {
    title: 'ports that are listened on, and by whom',
    peer: [ran('ports')],
    ours: [file(/^network\/ports\.txt$/)],
  },
  {
    title: 'the firewall',
    peer: [ran('iptables'), ran('firewalld')],
    ours: [file(/^network\/firewall/)],
  },
  {
    title: 'when the certificates of the cluster end',
    peer: [onHost('certificatesCollection/')],
    ours: [file(/^k3s-service\/certificates\.txt$/)],
  },
  {
    title: "k3s' settings",
    peer: [onHost('k3s-settings/')],
    ours: [file(/^k3s-service\/(?:settings\.txt|config\.yaml|registries\.yaml)/)],
  },
];

/** Says nothing of the host: how a bundle was made, or that a question had no answer. */
export const about = {
  peer: /^(?:version\.yaml|execution-data\/.*|.*-(?:info|errors?)\.json|.*\/errors\.json|.*-stderr\.txt|.*-logs-errors\.log)$/,
  ours: /^(?:left-out\.txt|(?:pod-logs|other-pods)\/not-read\.txt)$/,
};

/** A lab host has no systemd: neither asks a service manager there with success. */
export const needsSystemd = {
  peer: /^host-collectors\/(?:journald\/|system\/systemctl_services)/,
  ours: /^(?:k3s-service\/(?:unit|service|journal)|system\/failed-services)\.txt$/,
};
