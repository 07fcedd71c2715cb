"""Technology, behind ports. One folder per technology; none imports another."""
