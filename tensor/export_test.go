package tensor

// The steps of devices without operators of our own, for tests on a CPU.
var (
	ComposedAdamW   = composedAdamW
	ComposedLAMB    = composedLAMB
	ComposedLARS    = composedLARS
	ComposedRMSprop = composedRMSprop
	ComposedL2Norm  = composedL2Norm
)
