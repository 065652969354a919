// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// MachineOptions describe a machine to boot.
type MachineOptions struct {
	// Dir receives root file system and log; the machine sees it at the same path.
	Dir string
	// Lowers are the directories of its root file system, uppermost first.
	// They are not changed.
	Lowers []string
	// Binds are more directories that it sees, as OUTSIDE:INSIDE or one path.
	Binds []string
}

// Machine is a Debian whose PID 1 is systemd: a container of systemd-nspawn on
// the network of this host.
type Machine struct {
	*Process
	end    io.Closer
	leader string // id of its PID 1
}

// machineScript boots $3... with the root file system $2 in directory $1, and
// ends it when the script's input ends, as it does when the caller is dead.
// Mounts, /run and the view of cgroups are its own: it depends neither on the
// service manager of the host nor on its version of cgroups. PID 1 is killed
// first, so that nspawn reaps it and tidies up.
const machineScript = `
set -e
cd "$1"
group=/sys/fs/cgroup/${1##*/}
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t overlay -o "lowerdir=$2,upperdir=upper,workdir=work" overlay root
shift 2
mkdir "$group"
exec 3<&0
cat <&3 >/dev/null &
asked=$!
(echo 0 >"$group/cgroup.procs"; exec "$@") </dev/null 3<&- &
nspawn=$!
set +e
wait -n "$asked" "$nspawn"
kill "$asked" 2>/dev/null
status=$((! $?)) # 1 if nobody has asked for the end
echo 1 2>/dev/null >"$group/payload/cgroup.kill"
wait "$nspawn"
for i in {1..100}; do
	find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && exit $status
	sleep 0.05
done
echo "$group is left"
exit 1`

// StartMachine boots a machine; all its units have started when this returns.
func StartMachine(ctx context.Context, o MachineOptions) (*Machine, error) {
	for _, d := range []string{"root", "upper", "work"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	args := []string{"-c", machineScript, "machine", o.Dir, strings.Join(o.Lowers, ":"),
		"systemd-nspawn", "--quiet", "--boot", "--directory=root", "--machine=" + filepath.Base(o.Dir), "--register=no", "--keep-unit",
		"--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off", "--bind=/dev/fuse", "--bind=" + o.Dir + ":" + o.Dir + ":norbind"}
	for _, b := range o.Binds {
		args = append(args, "--bind="+b)
	}
	cmd := exec.Command("/bin/bash", args...)
	// Programs of containers are filtered by their runtime.
	cmd.Env = append(os.Environ(), "SYSTEMD_SECCOMP=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setsid: true}
	end, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	m := &Machine{end: end}
	if m.Process, err = StartProcess(cmd, filepath.Join(o.Dir, "log")); err != nil {
		return nil, errors.Join(err, end.Close())
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := m.waitFor(ctx, func() bool { return m.booted(ctx) }); err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	return m, nil
}

// booted finds PID 1 and asks it.
func (m *Machine) booted(ctx context.Context) bool {
	if m.leader == "" {
		nspawn := children(fmt.Sprint(m.Pid()), "systemd-nspawn")
		if nspawn == "" {
			return false
		}
		if m.leader = children(nspawn, "systemd"); m.leader == "" {
			return false
		}
	}
	out, _ := m.Command(ctx, "systemctl", "is-system-running").Output()
	return strings.TrimSpace(string(out)) == "running"
}

// children is the child of process pid that runs a program; "" if none does.
func children(pid, program string) string {
	b, _ := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	for _, c := range strings.Fields(string(b)) {
		if comm, _ := os.ReadFile("/proc/" + c + "/comm"); strings.TrimSpace(string(comm)) == program {
			return c
		}
	}
	return ""
}

// Path is where a path of the machine is on this host.
func (m *Machine) Path(path string) string { return "/proc/" + m.leader + "/root" + path }

// Command is a command of the machine that is not started yet. It is in none of
// its cgroups: what is to stay is started by systemd-run.
func (m *Machine) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--target=" + m.leader, "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--"}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// Run runs a command in the machine and returns both its outputs.
func (m *Machine) Run(ctx context.Context, args ...string) (string, error) {
	out, err := m.Command(ctx, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

// Stop ends everything that runs in the machine at once, and leaves neither
// mounts nor cgroups.
func (m *Machine) Stop() error {
	if err := m.end.Close(); err != nil {
		return err
	}
	select {
	case <-m.done:
		return m.err
	case <-time.After(30 * time.Second):
		return errors.New("the machine does not end")
	}
}
