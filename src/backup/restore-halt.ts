import { quotedWord } from '../shell-word.ts';
import type { Product } from '../payload/product-schema.ts';

/** What is halted for a restore, as it was when the dump was taken. */
export interface DumpedWorkload {
  /** `Deployment/NAME`, `StatefulSet/NAME` or `CronJob/NAME`. */
  id: string;
  /** Undefined for a CronJob. */
  replicas: number | undefined;
  /** `CONTAINER=IMAGE ` for each. */
  images: string;
}

/** The annotation that says what a halted workload was: its replicas, or `on` of a CronJob. */
export const haltKey = ({ name }: Pick<Product, 'name'>): string => `${name}-before-restore`;

const images = ['.spec.template', '.spec.jobTemplate.spec.template']
  .map((template) => `{range ${template}.spec.containers[*]}{.name}={.image} {end}`)
  .join('');
const living = '--field-selector=status.phase!=Failed,status.phase!=Succeeded';

/**
 * Shell functions that halt all workloads of the namespace except the database, known at the dump or not, and
 * start them again. The number of replicas is saved in the object itself, in the same change that sets it to
 * 0: after a killed run the next one finds it there.
 */
export function haltFunctions(product: Product, workloads: readonly DumpedWorkload[]): string {
  const { namespace, release } = product;
  const key = haltKey(product);
  const list = [
    '{range .items[*]}{.kind}/{.metadata.name}={.spec.replicas}={.spec.suspend}',
    `={.metadata.annotations.${key}}={.metadata.annotations.meta\\.helm\\.sh/release-name}{"\\n"}{end}<end>`,
  ].join('');
  const pods = `{range .items[*]}{.metadata.name}={.metadata.ownerReferences[*].kind}{"\\n"}{end}<end>`;
  const cases = workloads.map(
    (one) => `    ${one.id}) was=${one.replicas ?? 'on'} images=${quotedWord(one.images)} ;;`,
  );
  return `at_dump() { # ID: sets was and images, empty for what did not exist
  was= images=
  case $1 in
${[...cases, '    *) ;;'].join('\n')}
  esac
}

change() { # ID KEPT SPEC: both at once
  k patch "$1" --type=merge -p "{\\"metadata\\":{\\"annotations\\":{\\"${key}\\":$2}},\\"spec\\":{$3}}" >/dev/null
}

selector_of() { # ID: sets selector, as the scale subresource has it
  selector=$(k get "$1" --subresource=scale -o 'jsonpath={.status.selector}')
  if [ -z "$selector" ]; then fail "the pods of $1 are not known: $kubectl get -n ${namespace} $1 -o yaml"; fi
}

number() { case $1 in '' | *[!0-9]*) return 1 ;; esac }

halt() { # ID=REPLICAS=SUSPENDED=KEPT=RELEASE
  id=\${1%%=*}
  now=\${1#*=} suspended=\${now#*=} kept=\${suspended#*=} owner=\${kept#*=}
  now=\${now%%=*} suspended=\${suspended%%=*} kept=\${kept%%=*}
  case $id in
    CronJob/*)
      if [ "$suspended" = true ] && [ -z "$kept" ]; then return 0; fi
      stopped="$stopped $id=on=$owner"
      change "$id" '"on"' '"suspend":true'
      return 0
      ;;
  esac
  if ! number "$now"; then fail "the number of pods of $id is not known: $kubectl get -n ${namespace} $id"; fi
  selector_of "$id"
  names=$(k get pods -l "$selector" -o name)
  case " $(printf '%s ' $names)" in *" pod/$pod "*) return 0 ;; esac
  if [ "$now" = 0 ]; then
    at_dump "$id"
    if number "$kept"; then now=$kept; else now=\${was:-0}; fi
  fi
  stopped="$stopped $id=$now=$owner"
  change "$id" "\\"$now\\"" '"replicas":0'
}

halt_all() {
  all=$(k get deployments,statefulsets,cronjobs -o ${quotedWord(`jsonpath=${list}`)})
  case $all in *'<end>') all=\${all%'<end>'} ;; *) fail "what runs in the namespace ${namespace} is not known: the answer was cut off" ;; esac
  for one in $all; do halt "$one"; done
  for one in ${workloads.map(({ id }) => id).join(' ') || "''"}; do
    case " $(printf '%s ' $all)" in *" $one="*) ;; *) missing="$missing\${one:+ $one}" ;; esac
  done
  seconds=0
  for one in $stopped; do
    id=\${one%%=*}
    case $id in CronJob/*) continue ;; esac
    selector_of "$id"
    while :; do
      names=$(k get pods -l "$selector" ${living} -o name)
      if [ -z "$names" ]; then break; fi
      if [ "$seconds" -ge 120 ]; then fail "pods of $id do not terminate: $kubectl get pods -n ${namespace} -l '$selector'"; fi
      seconds=$((seconds + 1))
      sleep 1
    done
  done
  all=$(k get pods ${living} -o ${quotedWord(`jsonpath=${pods}`)})
  case $all in *'<end>') all=\${all%'<end>'} ;; *) fail "which pods are left is not known: the answer was cut off" ;; esac
  for one in $all; do
    if [ "\${one%%=*}" = "$pod" ]; then continue; fi
    owner=\${one#*=}
    say "  not stopped, because this script cannot stop it: pod \${one%%=*}\${owner:+ of a $owner}"
    unhalted="$unhalted \${one%%=*}"
  done
}

start() { # ID=REPLICAS=RELEASE: as before
  id=\${1%%=*}
  back=\${1#*=}
  back=\${back%%=*}
  if [ "$back" = on ]; then spec='"suspend":false'; else spec="\\"replicas\\":$back"; fi
  if ! change "$id" null "$spec"; then
    say "$id could not be started again. To do it: $kubectl patch -n ${namespace} $id --type=merge -p '{\\"spec\\":{$spec}}'" >&2
  fi
}

start_or_remove() { # ID=REPLICAS=RELEASE: what another release created would migrate the database again
  id=\${1%%=*}
  at_dump "$id"
  new=$(k get "$id" -o ${quotedWord(`jsonpath=${images}`)})
  # What does not belong to this Helm release would not come back with it.
  if [ "\${1##*=}" != ${quotedWord(release)} ] || [ "$new" = "$images" ]; then
    start "$1"
    return 0
  fi
  case $id in
    StatefulSet/*) kept_down="$kept_down \${1%=*}" ;; # its deletion may delete its volumes
    *) k delete "$id" >/dev/null; replaced="$replaced $id" ;;
  esac
}`;
}
