"""Controllers, one folder per noun: watches, observe, reconcile, report."""
