// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package report

// Cold is the cold starts of one image.
type Cold struct {
	Image string `json:"image"`
	// Compressed is the size of all layers in bytes.
	Compressed int64 `json:"compressed"`
	// Oracle is the least that the start has to fetch in bytes (see package
	// oracle), 0 if it is not known.
	Oracle []int64 `json:"oracle"`
	// EmptyPull and WarmRun are seconds under overlayfs; the sum of their
	// medians is the floor.
	EmptyPull []float64 `json:"empty_pull"`
	WarmRun   []float64 `json:"warm_run"`
	// Inflate is how long inflating all layers takes on one processor, in
	// seconds; 0 if it is not known.
	Inflate float64 `json:"inflate"`
	Rows    []Row   `json:"rows"`
}

// Row is one snapshotter's starts.
type Row struct {
	Snapshotter string  `json:"snapshotter"`
	Starts      []Start `json:"starts"`
	// Errors are of the starts that are missing.
	Errors []string `json:"errors,omitempty"`
}

// Start is one pull and run on a host that has nothing. Times are seconds.
type Start struct {
	Pull float64 `json:"pull"`
	// Run is from the end of the pull to READY.
	Run  float64 `json:"run"`
	Lazy int     `json:"lazy"`
	// Bytes crossed the line until READY.
	Bytes int64 `json:"bytes"`
	// Local is from the start of the pull until every byte of the image was
	// there. 0: not waited for; -1: waited for in vain.
	Local float64 `json:"local"`
	// LocalBytes crossed the line until then.
	LocalBytes int64 `json:"local_bytes"`
	// PeakBytes and CPU (seconds) are of the daemon's processes, at the end.
	PeakBytes int64   `json:"peak_bytes"`
	CPU       float64 `json:"cpu"`
	// ContainerdCPU is what containerd and its children took.
	ContainerdCPU float64 `json:"containerd_cpu"`
}

// Total is from the start of the pull to READY.
func (s Start) Total() float64 { return s.Pull + s.Run }

// Floor is what no snapshotter can save.
func (c Cold) Floor() float64 { return Median(c.EmptyPull) + Median(c.WarmRun) }

// floorKnown tells whether both halves of the floor were measured.
func (c Cold) floorKnown() bool { return len(c.EmptyPull) > 0 && len(c.WarmRun) > 0 }

// LocalLimit is the least time in which everything can be local: what the line
// takes, or the processors to inflate it, whichever is slower.
func (c Cold) LocalLimit(mbit float64, cpus int) float64 {
	line, _ := Ratio(float64(c.Compressed)*8/1e6, mbit)
	cpu, _ := Ratio(c.Inflate, float64(cpus))
	return max(line, cpu)
}

// OracleBytes is the median of Oracle.
func (c Cold) OracleBytes() float64 {
	var v []float64
	for _, n := range c.Oracle {
		v = append(v, float64(n))
	}
	return Median(v)
}

// AboveFloor is the median total of a snapshotter less the floor.
func (c Cold) AboveFloor(r Row) float64 { return r.median(Start.Total) - c.Floor() }

func (r Row) values(value func(Start) float64) []float64 {
	var v []float64
	for _, s := range r.Starts {
		v = append(v, value(s))
	}
	return v
}

func (r Row) median(value func(Start) float64) float64 { return Median(r.values(value)) }

// local is the median time until everything was local, of the starts that
// waited for it.
func (r Row) local() (seconds float64, known bool) {
	var v []float64
	for _, s := range r.Starts {
		if s.Local < 0 {
			return 0, false
		}
		if s.Local > 0 {
			v = append(v, s.Local)
		}
	}
	return Median(v), len(v) > 0
}

// peak is the highest peak of all starts in bytes.
func (r Row) peak() float64 {
	var highest float64
	for _, s := range r.Starts {
		highest = max(highest, float64(s.PeakBytes))
	}
	return highest
}
