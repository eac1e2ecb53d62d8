package analyze

// Catalogue is every rule, in the order in which the table of rules shows them.
// To add a rule: write its file, add its line here, record its two captures.
var Catalogue = []*Rule{
	&RefusedWork,
	&LinearQueueScan,
	&RespawnLoop,
	&ForkPerJob,
	&ReconnectPerJob,
	&MemoryBoundConcurrency,
	&IdleWithBacklog,
	&BusyPoll,
	&CompilePerCall,
	&KeyParsePerJob,
	&HandshakePerJob,
	&KeyAlgorithm,
	&PoisonRedelivery,
	&GCThrash,
	&LockContention,
	&ChannelPerItem,
	&CopyChurn,
	&TimerChurn,
	&GoroutinePileUp,
	&CPUThrottled,
	&StolenCPU,
	&IOBound,
	&CompetingProcess,
	&Swap,
	&SerialisationChurn,
	&LogChurn,
	&ObservabilityOverhead,
	&SmallIO,
	&Recompute,
	&KernelBound,
	&RowByRowSQL,
	&ChattyDB,
	&SlowWorkInRequest,
	&StaleToolchain,
}

// FindRule is the rule with that name, nil if there is none.
func FindRule(name string) *Rule {
	for _, r := range Catalogue {
		if r.Name == name {
			return r
		}
	}
	return nil
}
