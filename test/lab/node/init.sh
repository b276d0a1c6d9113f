#!/bin/bash
# Pid 1 of a lab host: it lays the host's own disks over the machine's folders, gives the host its network, and keeps the
# cluster's programs running. Its end is the end of the host: the kernel takes processes, mounts, loop devices and network along.
# Expects LAB_NAME, LAB_HOST (the host's folder), LAB_STORE, LAB_IMAGES (its disk files), LAB_PROGRAMS and LAB_CACHE.
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
address=10.203.0.10
node_name=k3s-node

lay_disks() {
  # For the while: a folder that nothing below hides.
  local disk=/mnt
  mount --make-rprivate /
  mount -o loop,nouuid "$LAB_IMAGES/disk.img" "$disk"
  mkdir -p "$disk"/{etc-upper,etc-work,opt/ivaap,root,tmp,usr-local/bin,usr-local/lib/lab/programs,var-lib,var-log,data}
  chmod 1777 "$disk/tmp"
  chmod 700 "$disk/root"
  find "$disk/tmp" -mindepth 1 -delete

  cp -r "$LAB_HOST/node" "$disk/usr-local/lib/lab/node.new"
  rm -rf "$disk/usr-local/lib/lab/node"
  mv "$disk/usr-local/lib/lab/node.new" "$disk/usr-local/lib/lab/node"
  local entry module
  for entry in $LAB_PROGRAMS; do
    module=$disk/usr-local/lib/lab/programs/${entry%%=*}
    mkdir -p "$module"
    mount --bind -o ro "${entry#*=}" "$module"
  done

  mount -o loop,nouuid "$LAB_IMAGES/opt-ivaap.img" "$disk/opt/ivaap"
  umount -l "$LAB_STORE"
  # What is built on the machine is carried to the host by path: readable there, never writable. Made before the folders are
  # bound, so that it is found wherever it is below them.
  mkdir -p "$disk$LAB_CACHE"
  mount --bind -o ro "$LAB_CACHE" "$disk$LAB_CACHE"

  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$disk/etc-upper,workdir=$disk/etc-work" /etc
  mount --rbind "$disk/opt" /opt
  mount --rbind "$disk/usr-local" /usr/local
  mount --rbind "$disk/var-lib" /var/lib
  mount --rbind "$disk/var-log" /var/log
  mount -t tmpfs -o mode=755 tmpfs /run
  mount --rbind "$disk/tmp" /tmp
  mount --rbind "$disk/root" /root
  umount -l "$disk"
  mount --make-rshared /
}

begin_network() {
  hostname "$node_name"
  ip link set lo up
  # No dummy device in every kernel: a bridge without ports carries the host's address as well.
  ip link add lab0 type bridge
  ip address add "$address/24" dev lab0
  ip link set lab0 up
  ip route add default via 10.203.0.1 dev lab0
  echo 1 >/proc/sys/net/ipv4/ip_forward
  printf '127.0.0.1 localhost\n%s %s\n' "$address" "$node_name" >/etc/hosts
  printf 'nameserver %s\nsearch .\n' "$address" >/etc/resolv.conf
  echo "$node_name" >/etc/hostname
}

lay_disks
begin_network
mkdir -p /run/lab /run/lock /run/netns /run/k3s/containerd /run/containerd /var/log/pods /var/log/containers
mkdir -p /var/lib/kubelet /var/lib/cni /var/lib/rancher/k3s
export LAB_NAME NODE_NAME=$node_name NODE_ADDRESS=$address
date -u +%Y-%m-%dT%H:%M:%SZ >/run/lab/booted
# A bash that is pid 1 also reaps the orphans of pods and shims.
# shellcheck source=services.sh
. /usr/local/lib/lab/node/services.sh
