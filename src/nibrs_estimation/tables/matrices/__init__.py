"""From counts by profile to matrices of agencies by table cells."""
