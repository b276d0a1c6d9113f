#!/bin/bash
# Ends when the host answers as a k3s host that has been up for a while would; until then it prints what it waits for.
# Only what happened after this boot counts: a clone's database still tells of the pods and leases of the host it came from.
set -o pipefail
said=
wait_for() {
  [ "$1" = "$said" ] || echo "waiting for $1"
  said=$1
  sleep 0.4
}
until [ -e /run/lab/set-up ]; do wait_for "API server, images and cluster objects"; done
booted=$(cat /run/lab/booted)
until [[ $(k3s kubectl get lease -n kube-node-lease k3s-node -o 'jsonpath={.spec.renewTime}' 2>/dev/null) > $booted ]]; do
  wait_for "the kubelet"
done
until k3s kubectl get node k3s-node -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null | grep -q True; do
  wait_for "the node to be ready"
done
until curl -s -o /dev/null http://127.0.0.1/; do wait_for Traefik; done
until curl -sk -o /dev/null --connect-timeout 1 https://10.43.0.1/; do wait_for "kube-proxy"; done
until busybox nslookup kubernetes.default.svc.cluster.local 10.203.0.10 >/dev/null 2>&1; do wait_for CoreDNS; done
[ "${1:-}" != --no-pods ] || exit 0

unready_pods() {
  k3s kubectl get pods -A --field-selector status.phase!=Succeeded,status.phase!=Failed -o "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{range .status.containerStatuses[*]} {.ready}={.state.running.startedAt}{end}{'\n'}{end}" 2>/dev/null |
    awk -v booted="$booted" '
      NF == 1 { print $1 }
      { for (i = 2; i <= NF; i++) { split($i, part, "="); if (part[1] != "true" || part[2] < booted) { print $1; next } } }'
}
until pods=$(unready_pods) && [ -z "$pods" ]; do wait_for "pods: ${pods//$'\n'/ }"; done
