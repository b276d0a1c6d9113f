#!/bin/sh
# Traefik links two things that an ingress on one node has no use for and that take longer to compile than all of its own
# code: the DNS providers of its ACME client, which are the SDKs of every cloud there is, and the client of EC2.
# go.mod replaces both by folders made here: the real ACME client with an empty list of providers, and an EC2 without instances.
set -eu
# The sum is compared below.
found=$(cd / && GONOSUMDB=github.com/go-acme/lego/v4 go mod download -json github.com/go-acme/lego/v4@v4.33.0)
case $found in *'"Sum": "h1:2KrRKieG+VczT4zvVXKAY7Tp/S3XLvh/QImofBALRAM="'*) ;; *) echo "unexpected content of lego: $found" >&2; exit 1 ;; esac
source=$(printf '%s\n' "$found" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
rm -rf lego ec2
mkdir -p lego ec2/types
(cd "$source" && tar cf - --exclude='./providers/dns/*' --exclude=./cmd --exclude=./e2e .) | tar xf - -C lego
chmod -R u+w lego
mkdir -p lego/providers/dns
cp traefik/dns_providers.go.txt lego/providers/dns/providers.go
cp traefik/ec2.go.txt ec2/ec2.go
cp traefik/ec2_types.go.txt ec2/types/types.go
printf 'module github.com/aws/aws-sdk-go-v2/service/ec2\n\ngo 1.24\n' >ec2/go.mod
