package recipe

// Dist says how several processes train together. With one it means nothing.
type Dist struct {
	// SyncBatchNorm lets batch norm use the statistics of all processes' images,
	// as if one process had the whole batch; otherwise each uses its own, and
	// the running ones are rank 0's.
	SyncBatchNorm bool `yaml:"sync_batch_norm"`
	// Overlap sends gradients while backward still makes others. It changes no
	// number.
	Overlap bool `yaml:"overlap"`
	// CheckEvery is the number of steps after which all processes compare
	// checksums of their weights and bank; 0 never.
	CheckEvery int `yaml:"check_every"`
}
