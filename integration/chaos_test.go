// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/integration/testbed"
)

// chaosTime is how long TestChaos goes on; SPRY_CHAOS overrides it.
const chaosTime = 3 * time.Minute

// chaosDeadline is the fetch deadline of its daemon: reads may wait that long,
// and no fault lasts so long.
const chaosDeadline = time.Minute

// chaos is one host to which things happen.
type chaos struct {
	*node
	r        *registryFixture
	rng      *rand.Rand
	registry *testbed.Outage
	load     *readers
	churns   []*churn
	steady   string // the image of load
	server   int    // process id
	healthy  time.Time
	counts   map[string]int

	mu       sync.Mutex
	restarts []span // of containerd
	faults   []span // of the registry
}

// span is a time in which something was wrong; the end is zero before it.
type span struct{ from, to time.Time }

// TestChaos lets everything happen at once, for a while: servers are killed and
// upgraded, containerd restarted, the registry fails, while images are pulled,
// started and removed and containers verify their files. No container sees an
// error or a wrong byte, nothing fails without a cause, and nothing is left.
// What happens is up to SPRY_CHAOS_SEED.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	d := chaosTime
	if v := os.Getenv("SPRY_CHAOS"); v != "" {
		var err error
		if d, err = time.ParseDuration(v); err != nil {
			t.Fatalf("SPRY_CHAOS: %v", err)
		}
	}
	c := newChaos(t, d)
	before, files := c.settled(resources{}), c.keeperFiles()
	c.begin()
	told := time.Now()
	for end := time.Now().Add(d); time.Now().Before(end) && !t.Failed(); {
		c.step()
		if time.Since(told) > time.Minute {
			told = time.Now()
			t.Logf("%v left: %v", time.Until(end).Round(time.Second), c.counts)
		}
	}
	c.calm()
	for _, churn := range c.churns {
		churn.end(t)
	}
	c.load.end()
	t.Logf("did %v; %d looks at a dead server that did not end", c.counts, strings.Count(c.spryd.Log(), "server is dead but does not end"))
	c.nothingLeft(before, files)
}

// newChaos makes the host and its images, and works with it once, so that
// what is counted then does not grow for other reasons.
func newChaos(t *testing.T, d time.Duration) *chaos {
	t.Helper()
	seed := rand.Uint64()
	if v := os.Getenv("SPRY_CHAOS_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("SPRY_CHAOS_SEED: %v", err)
		}
	}
	t.Logf("SPRY_CHAOS_SEED=%d", seed)
	r := newRegistry(t)
	c := &chaos{r: r, rng: rand.New(rand.NewPCG(seed, 0)), registry: r.outage(), counts: map[string]int{}}
	c.steady = r.convert("a", readersImage(t))
	c.node = newNode(t, "2", c.config(true))
	ctx, cancel := context.WithTimeout(t.Context(), d+5*time.Minute)
	t.Cleanup(cancel)
	c.ctx = ctx
	for range 2 {
		c.pull(c.steady)
		c.ready("default", c.steady)
		c.removeImage("default", c.steady)
	}
	return c
}

// config is the daemon's.
func (c *chaos) config(background bool) string {
	return fmt.Sprintf("[fetch]\nbackground = %v\ndeadline = %q\n", background, chaosDeadline)
}

// begin starts what goes on all the time.
func (c *chaos) begin() {
	c.t.Helper()
	c.pull(c.steady)
	c.load = c.startReaders(c.steady)
	c.load.patience = chaosDeadline
	shared, own := c.r.convert("b", image(c.t, "busybox", "data", "other")), c.r.convert("c", image(c.t, "busybox", "data2", "other"))
	c.churns = []*churn{c.startChurn("default", shared, c.excused), c.startChurn("second", own, c.excused)}
	c.server = c.successor(0)
}

// step lets one thing happen.
func (c *chaos) step() {
	c.t.Helper()
	time.Sleep(time.Duration(c.rng.Int64N(int64(800 * time.Millisecond))))
	if !c.healthy.IsZero() && time.Now().After(c.healthy) {
		c.heal()
	}
	switch p := c.rng.IntN(100); {
	case p < 45:
		c.count("kill")
		if err := unix.Kill(c.server, unix.SIGKILL); err != nil {
			c.t.Fatal(err)
		}
		c.server = c.successor(c.server)
	case p < 60:
		c.count("upgrade")
		if err := c.spryd.Configure(c.config(c.rng.IntN(2) == 0)); err != nil {
			c.t.Fatal(err)
		}
		if err := c.spryd.Signal(syscall.SIGHUP); err != nil {
			c.t.Fatal(err)
		}
		c.server = c.successor(c.server)
	case p < 90:
		c.fail()
	case p < 95:
		c.restartContainerd()
	default:
		c.renew()
	}
	for _, churn := range c.churns {
		if err := churn.failed(); err != nil {
			c.t.Error(err)
		}
	}
}

func (c *chaos) count(what string) { c.counts[what]++ }

// fail makes the registry fail for up to five seconds.
func (c *chaos) fail() {
	fault := []testbed.Fault{testbed.Down, testbed.Stalled, testbed.Resetting, testbed.Unavailable}[c.rng.IntN(4)]
	c.count(fault.String())
	if c.healthy.IsZero() {
		c.mark(&c.faults)
	}
	c.registry.Set(fault)
	c.healthy = time.Now().Add(time.Duration(c.rng.Int64N(int64(5 * time.Second))))
}

// heal ends a failure of the registry.
func (c *chaos) heal() {
	c.registry.Set(testbed.Healthy)
	c.unmark(&c.faults)
	c.healthy = time.Time{}
}

// calm ends what is wrong.
func (c *chaos) calm() {
	if !c.healthy.IsZero() {
		c.heal()
	}
}

// restartContainerd stops or kills it; containers run on.
func (c *chaos) restartContainerd() {
	c.t.Helper()
	c.count("containerd")
	c.mark(&c.restarts)
	defer c.unmark(&c.restarts)
	if c.rng.IntN(2) == 0 {
		c.ctd.Kill()
	} else if err := c.ctd.Stop(); err != nil {
		c.t.Fatal(err)
	}
	if err := c.ctd.Start(c.ctx); err != nil {
		c.t.Fatal(err)
	}
}

// renew starts the readers anew on an image that has to come once more.
func (c *chaos) renew() {
	c.t.Helper()
	c.count("renew")
	c.calm()
	c.load.end()
	c.removeImage("default", c.steady)
	c.pull(c.steady)
	c.load = c.startReaders(c.steady)
	c.load.patience = chaosDeadline
}

func (c *chaos) mark(list *[]span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*list = append(*list, span{from: time.Now()})
}

func (c *chaos) unmark(list *[]span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	(*list)[len(*list)-1].to = time.Now()
}

// seenByContainer are errors that have no excuse.
var seenByContainer = []string{"I/O error", "nput/output error", "not connected", "tale file", "computed checksum", "did NOT match"}

// excused says whether a call that failed after since was in the way of
// something. It is called while more happens.
func (c *chaos) excused(since time.Time, err error) bool {
	for _, s := range seenByContainer {
		if strings.Contains(err.Error(), s) {
			return false
		}
	}
	if cutByKill(since, err) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, list := range [][]span{c.restarts, c.faults} {
		if n := len(list); n > 0 && (list[n-1].to.IsZero() || list[n-1].to.After(since)) {
			return true
		}
	}
	return false
}

// keeperFiles are the descriptors of the daemon's keeper.
func (c *chaos) keeperFiles() int {
	c.t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.spryd.Pid()))
	if err != nil {
		c.t.Fatal(err)
	}
	return len(list)
}

// endContainers removes what calls made that were cut: containerd, killed at
// that moment, may have kept a container of which its client does not know.
func (c *chaos) endContainers(namespace string) {
	c.t.Helper()
	out, err := c.ctd.Ctr(c.ctx, "-n", namespace, "container", "ls", "-q")
	if err != nil {
		c.t.Fatal(err)
	}
	strays := 0
	for id := range strings.FieldsSeq(out) {
		if !strings.HasPrefix(id, "spry-") {
			continue // a warning of ctr
		}
		strays++
		if err := c.removeContainer(namespace, id); err != nil {
			c.t.Error(err)
		}
	}
	c.t.Logf("%d containers of calls that were cut in namespace %s", strays, namespace)
}

// nothingLeft wants what was there before, once everything is removed.
// containerd forgets to free snapshots whose removal a kill has cut until the
// next removal.
func (c *chaos) nothingLeft(before resources, files int) {
	c.t.Helper()
	for _, namespace := range []string{"default", "second"} {
		c.endContainers(namespace)
		c.endLeases(namespace)
	}
	c.pull(c.steady)
	c.removeImage("default", c.steady)
	c.eventually("an empty root, there is "+strings.Join(c.leftovers(), " "), func() bool { return len(c.leftovers()) == 0 })
	after := c.settled(before)
	c.t.Logf("before: %v; after: %v; the keeper had %d descriptors, has %d", before, after, files, c.keeperFiles())
	if after.mounts > before.mounts || after.files > before.files ||
		after.goroutines > before.goroutines+slackOf(before.goroutines) || after.descriptors > before.descriptors+slackOf(before.descriptors) {
		c.t.Errorf("before: %v; after: %v; mounts %v", before, after, c.mounts())
	}
	if now := c.keeperFiles(); now > files {
		c.t.Errorf("the keeper had %d descriptors, has %d", files, now)
	}
}
