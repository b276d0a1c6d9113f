# The cluster's programs and their settings, sourced by init.sh: each is started again when it ends, as systemd does for k3s.
lab=/usr/local/lib/lab
k3s=/var/lib/rancher/k3s
tls=$k3s/server/tls
logs=/var/log/lab
bin=$lab/programs
kube=$bin/node/kubernetes
kubectl=$bin/node/kubectl
kubeconfig=/etc/rancher/k3s/k3s.yaml
export KUBECONFIG=$kubeconfig
# Garbage at four times the live memory instead of twice: a tenth less of a processor until a host is up, 90 MiB more.
export GOGC=300
mkdir -p $logs $tls $k3s/agent/etc/cni/net.d $k3s/agent/containerd $k3s/storage /etc/rancher/k3s

render() { sed -e "s/@NAME@/$LAB_NAME/g" -e "s/@NODE@/$NODE_NAME/g" -e "s/@ADDRESS@/$NODE_ADDRESS/g" "$lab/node/$1" >"$2"; }

certificate() { # NAME SUBJECT [subjectAltName]
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $tls/$1.key -subj "$2" 2>/dev/null |
    openssl x509 -req -CA $tls/ca.crt -CAkey $tls/ca.key -CAcreateserial -days 3650 -out $tls/$1.crt \
      -extfile <(printf 'extendedKeyUsage=serverAuth,clientAuth\n%s\n' "${3:+subjectAltName=$3}") 2>/dev/null
}

make_credentials() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=k3s-ca \
    -keyout $tls/ca.key -out $tls/ca.crt 2>/dev/null
  certificate server /CN=kube-apiserver \
    "IP:127.0.0.1,IP:$NODE_ADDRESS,IP:10.43.0.1,DNS:localhost,DNS:$NODE_NAME,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  certificate admin /O=system:masters/CN=system:admin
  openssl genrsa -out $tls/service.key 2048 2>/dev/null
  openssl rsa -in $tls/service.key -pubout -out $tls/service.pub 2>/dev/null
  sed -e "s|@CA@|$(base64 -w0 $tls/ca.crt)|" -e "s|@CERTIFICATE@|$(base64 -w0 $tls/admin.crt)|" \
    -e "s|@KEY@|$(base64 -w0 $tls/admin.key)|" $lab/node/k3s.yaml >$kubeconfig.new
  chmod 600 $kubeconfig.new
  mv $kubeconfig.new $kubeconfig
}

supervise() { # NAME CMD…: runs until the host ends; pauses while /run/lab/hold exists (the cluster is "stopped")
  local name=$1
  shift
  while true; do
    if [ ! -e /run/lab/hold ]; then
      "$@" >>$logs/$name.log 2>&1 &
      echo $! >/run/lab/$name.pid
      wait $! || true
      rm -f /run/lab/$name.pid
    fi
    sleep 0.3
  done
}

set_up_once() {
  until $kubectl apply -f $lab/node/manifests.rendered.yaml; do sleep 0.3; done
  until [ -S /run/k3s/containerd/containerd.sock ] && "$bin/containerd/ctr" -a /run/k3s/containerd/containerd.sock version >/dev/null 2>&1; do sleep 0.2; done
  # Not again on a later start: an import takes the labels of its images away.
  if ! k3s ctr images ls -q | grep -q library/busybox; then
    local image
    for image in $lab/node/*.oci.tar; do
      k3s ctr images import --local "$image"
    done
  fi
  until $kubectl -n default get serviceaccount default >/dev/null 2>&1; do sleep 0.3; done
  touch /run/lab/set-up
}

[ -e $kubeconfig ] || make_credentials
ln -sf $lab/node/k3s /usr/local/bin/k3s
for tool in kubectl ctr crictl; do ln -sf k3s /usr/local/bin/$tool; done
render containerd.toml $k3s/agent/etc/containerd.toml
render crictl.yaml $k3s/agent/etc/crictl.yaml
render kubelet.yaml $k3s/agent/etc/kubelet.yaml
render cni.conflist $k3s/agent/etc/cni/net.d/10-lab.conflist
render Corefile $k3s/agent/etc/Corefile
render manifests.yaml $lab/node/manifests.rendered.yaml
printf 'search .\n' >$k3s/agent/etc/pod-resolv.conf

supervise etcd $kube etcd --name lab --data-dir $k3s/server/db/etcd --unsafe-no-fsync --log-level warn \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
  --initial-cluster lab=http://127.0.0.1:2380 &
supervise kube-apiserver $kube kube-apiserver --etcd-servers http://127.0.0.1:2379 --advertise-address "$NODE_ADDRESS" \
  --service-cluster-ip-range 10.43.0.0/16 --secure-port 6443 --allow-privileged --authorization-mode Node,RBAC \
  --client-ca-file $tls/ca.crt --tls-cert-file $tls/server.crt --tls-private-key-file $tls/server.key \
  --service-account-key-file $tls/service.pub --service-account-signing-key-file $tls/service.key \
  --service-account-issuer https://kubernetes.default.svc.cluster.local \
  --kubelet-client-certificate $tls/admin.crt --kubelet-client-key $tls/admin.key \
  --kubelet-preferred-address-types InternalIP --shutdown-delay-duration 0s &
supervise kube-controller-manager $kube kube-controller-manager --kubeconfig $kubeconfig --leader-elect=false \
  --service-account-private-key-file $tls/service.key --root-ca-file $tls/ca.crt --bind-address 127.0.0.1 \
  --cluster-cidr 10.42.0.0/16 &
supervise kube-scheduler $kube kube-scheduler --kubeconfig $kubeconfig --leader-elect=false --bind-address 127.0.0.1 &
supervise containerd "$bin/containerd/containerd" --config $k3s/agent/etc/containerd.toml &
supervise kubelet $kube kubelet --kubeconfig $kubeconfig --config $k3s/agent/etc/kubelet.yaml --node-ip "$NODE_ADDRESS" \
  --hostname-override "$NODE_NAME" &
supervise kube-proxy $kube kube-proxy --kubeconfig $kubeconfig --proxy-mode iptables --conntrack-max-per-core 0 \
  --cluster-cidr 10.42.0.0/16 --hostname-override "$NODE_NAME" --healthz-bind-address 127.0.0.1 &
supervise local-path $kube local-path --storage $k3s/storage &
supervise traefik "$bin/node/traefik" --providers.kubernetesingress=true \
  --providers.kubernetesingress.ingressendpoint.ip="$NODE_ADDRESS" --entrypoints.web.address=:80 \
  --entrypoints.websecure.address=:443 --entrypoints.websecure.http.tls=true --log.level=INFO \
  --global.checknewversion=false --global.sendanonymoususage=false &
supervise coredns "$bin/node/coredns" -conf $k3s/agent/etc/Corefile &

set_up_once >>$logs/set-up.log 2>&1 &
trap 'exit 0' TERM
while true; do wait || true; sleep 1; done
